"""How replies look, read back from what a real terminal of a given width would show."""

import io
import re
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.adapters.console import pages
from bot.adapters.console.pages import Plain, Screen
from bot.i18n import say
from bot.surface import Reply

ERASE = re.compile(r"\x1b\[(\d*)([A-K])|\x1b\[\?25[lh]|\x1b\[[\d;]*m|\r")


class Terminal:
    """The few escapes that are used, applied: a grid of rows as a person sees them."""

    def __init__(self, width=40):
        self.out = io.StringIO()
        self.console = Console(
            file=self.out, force_terminal=True, width=width, height=20, highlight=False, legacy_windows=False
        )

    @property
    def rows(self):
        rows, row, text, at = [""], 0, self.out.getvalue(), 0
        while at < len(text):
            escape = ERASE.match(text, at)
            if escape:
                at = escape.end()
                if escape[2] == "A":
                    row -= int(escape[1] or 1)
                elif escape[2] == "K" and escape[1] == "2":
                    rows[row] = ""
                continue
            if text[at] == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            else:
                rows[row] += text[at]
            at += 1
        return "\n".join(rows).rstrip("\n").split("\n")


@pytest.fixture(autouse=True)
def _every_thought_takes_a_moment(monkeypatch):
    """However slow the machine is."""
    monkeypatch.setattr(pages, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def terminal():
    return Terminal()


@pytest.fixture
def screen(terminal):
    screen = Screen(partial(say, "en"), terminal.console)
    yield screen
    if screen._live:
        screen._live.stop()


def test_an_answer_grows_and_is_whole_at_the_end_and_never_doubled(screen, terminal):
    for text in ("So", "So it", "So it is."):
        screen.draft(False, "", text)
    screen.final(Reply("So it is."))

    assert terminal.rows == ["So it is."]


def test_a_final_without_any_draft_is_written_whole(screen, terminal):
    screen.final(Reply("So it is."))

    assert terminal.rows == ["So it is."]


def test_a_thought_collapses_to_one_line_when_the_answer_begins(screen, terminal):
    screen.wait()
    screen.draft(True, "first I thought\nthen I thought on", "")
    screen._live.refresh()
    assert "then I thought on" in terminal.out.getvalue()
    screen.draft(False, "first I thought\nthen I thought on", "So")
    screen.final(Reply("So it is."))

    assert terminal.rows == ["· thought for a second", "So it is."]


def test_a_long_thought_shows_its_last_rows_alone(screen, terminal):
    screen.wait()
    screen.draft(True, "\n".join(f"idea {number}" for number in range(50)), "")
    screen._live.refresh()

    assert [row for row in terminal.rows if row] == [f"idea {number}" for number in range(44, 50)]
    screen.final(Reply("So."))
    assert terminal.rows == ["· thought for a second", "So."]


def test_a_wait_without_a_thought_leaves_no_line(screen, terminal):
    screen.wait()
    screen.final(Reply("So it is."))

    assert terminal.rows == ["So it is."]


def test_what_a_terminal_obeys_is_not_in_a_thought_or_an_answer(screen, terminal):
    """A model that is asked how to clear the screen may write just that."""
    command = "\x1b[2J\x1b]0;x\x07\x9b2J"
    screen.wait()
    screen.draft(True, f"thought {command}", "")
    screen.draft(False, "", f"one\t{command} tw")
    screen.final(Reply(f"one\t{command} two\r\nover\rthree"))

    assert not re.findall(r"\x1b\[2J|\x1b\]|\x07|\x9b", terminal.out.getvalue())
    assert [row.rstrip() for row in terminal.rows[-2:]] == ["one     ?[2J?]0;x??2J two", "over?three"]


def test_who_does_not_wait_any_longer_has_the_screen_to_write_on(screen, terminal):
    screen.wait()
    screen.draft(True, "hm", "")
    screen.give_up()
    screen.draft(True, "hm, hm", "")
    screen.tell_wait("You are next in line.")

    assert screen._live is None
    assert terminal.out.getvalue().rpartition("\x1b[?25")[2].startswith("h"), "the cursor can be seen again"
    screen.final(Reply("Here it is."))
    assert terminal.rows[-1] == "Here it is."
    screen.wait()
    assert screen._live is not None


def test_a_worker_that_begins_anew_with_other_words_begins_again_below(screen, terminal):
    screen.draft(False, "", "It is so")
    screen.draft(False, "", "No, otherwise")
    screen.final(Reply("No, otherwise it is."))

    assert terminal.rows == ["It is so", "No, otherwise it is."]


def test_remarks_stand_below_and_the_next_reply_below_them(screen, terminal):
    screen.final(Reply("half an", remarks=("(stopped)",)))
    screen.final(Reply("", remarks=("Stopped.",)))
    screen.say("Bye.")

    assert terminal.rows == ["half an", "(stopped)", "Stopped.", "Bye."]


def test_where_there_are_no_buttons_commands_stand_below_a_text_that_does_not_name_them(screen, terminal):
    screen.say("Pick one.", ("/retry 1", "/retry 3"))
    screen.say("Write /reset yes.", ("/reset yes", "/reset no"))
    screen.say("No choice.")

    assert terminal.rows == ["Pick one.", "(/retry 1 · /retry 3)", "Write /reset yes.", "No choice."]


def test_one_answer_of_several_says_which_it_is(screen, terminal):
    screen.final(Reply("one"))
    screen.final(Reply("two", variant=2, num_variants=2))

    assert terminal.rows == ["one", "two", say("en", "console-variant", variant=2, variants=2)]


def test_a_pipe_gets_no_word_about_choices_and_variants(capsys):
    Plain().final(Reply("two", variant=2, num_variants=2))
    Plain().say("Pick one.", ("/retry 1",))

    assert capsys.readouterr().out == "two\nPick one.\n"


def test_words_that_look_like_markup_are_shown_as_they_are(screen, terminal):
    screen.draft(False, "", "[bold]x[/bold] :smile:")
    screen.final(Reply("[bold]x[/bold] :smile: [/]", remarks=("[red]no[/red]",)))
    screen.say("[link]")

    assert terminal.rows == ["[bold]x[/bold] :smile: [/]", "[red]no[/red]", "[link]"]


def test_chinese_is_not_torn_and_its_thought_fits_the_width():
    terminal = Terminal(width=10)
    screen = Screen(partial(say, "zh"), terminal.console)
    screen.wait()
    screen.draft(True, "这是一个很长很长的想法", "")
    screen._live.refresh()
    assert [row for row in terminal.rows if row] == ["这是一个很", "长很长的想", "法"], "two columns each"

    for text in ("你好", "你好，我在这里"):
        screen.draft(False, "", text)
    screen.final(Reply("你好，我在这里。一二三四五六七八九十"))
    assert terminal.rows == ["· 思考了 1", "秒", "你好，我在这里。一二三四五六七八九十"]


@given(text=st.text("ab \n。[", max_size=30), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_however_an_answer_grows_it_is_written_once(text, cuts):
    """The final has no blanks at its end; the drafts may."""
    terminal = Terminal(width=80)
    screen = Screen(partial(say, "en"), terminal.console)
    for cut in sorted(cuts):
        screen.draft(False, "", text[:cut])
    screen.final(Reply(text.rstrip()))

    assert "\n".join(terminal.rows) == text.rstrip()


def test_a_final_that_was_cut_back_to_its_last_sentence_is_not_written_again(screen, terminal):
    screen.draft(False, "", "So it is. And so it is. And so")
    screen.final(Reply("So it is. And so it is.", remarks=("(I stopped here)",)))

    assert terminal.rows == ["So it is. And so it is. And so", "(I stopped here)"]


def test_a_pipe_gets_plain_replies_and_nothing_of_drafts(capsys):
    plain = Plain()
    plain.draft(True, "hm", "")
    plain.draft(False, "", "So")
    plain.final(Reply("So it is.", thought="hm", remarks=("(stopped)",)))
    plain.final(Reply("", remarks=("Stopped.",)))
    plain.say("Bye.")

    assert capsys.readouterr() == ("So it is.\n(stopped)\nStopped.\nBye.\n", "")
