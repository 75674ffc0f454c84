"""Links get no preview anywhere, stay one piece, and what is no link stays as it was."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.discord.links import quiet
from bot.adapters.discord.splitting import MAX_UNITS, split
from bot.adapters.discord.writing import DiscordForm
from bot.surface import Reply

PATHS = ["", "/", "/a_b/c-d?e=f&g=1#h", "/wiki/Tea_(drink)", "/wiki/北京", "/" + "long-way/" * 20, "/a[]=1", "/👩‍👩‍👧"]
URLS = st.builds(
    "{}://{}{}".format, st.sampled_from(["https", "http"]), st.sampled_from(["example.org", "a.b"]), st.sampled_from(PATHS)
)
PLAIN = st.sampled_from(
    ["word", "two words.", "一句话。", "**b**", "(a)", "<@123>", "a < b > c", "[x]", "http", "://", "e\u0301"]
)


def told(before, shape, after):
    """How a link may stand there, and how it is to stand there."""
    return URLS.map(lambda url: (f"{before}{shape.format(url)}{after}", f"{before}{shape.format(f'<{url}>')}{after}"))


def same(*shapes):
    return st.tuples(st.sampled_from(shapes), URLS).map(lambda one: (one[0].replace("{}", one[1]),) * 2)


LINKS = st.one_of(
    told("", "{}", ""),
    told("see ", "{}", "."),
    told("(", "{}", "), and"),
    told("**", "{}", "**"),
    told("看", "{}", "。好"),
    told("“", "{}", "”"),
    told("[a label](", "{}", ")"),
    told("[a](", "{}", ")[b](<https://b.org>)"),
)
OTHERS = st.one_of(
    same(
        "<{}>",
        "[a label](<{}>)",
        "`{}`",
        "`` ` {} ``",
        "```\n{}\n```",
        "\n```py\nx = '{}'\n# {}\n```\n",
        "`see {} and [x]({})`",
    ),
    PLAIN.map(lambda text: (text, text)),
)
CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`", re.DOTALL)
QUIET = re.compile(r"<https?://[^\s<>]+>")
PIECES = st.lists(st.one_of(LINKS, OTHERS), max_size=30)


def units(text):
    return len(text.encode("utf-16-le")) // 2


@settings(max_examples=400, deadline=None)
@given(PIECES)
def test_each_link_is_put_in_brackets_once_and_nothing_else_is_changed(pieces):
    before, after = ("\n".join(side) for side in zip(*pieces, strict=True)) if pieces else ("", "")

    assert quiet(before, MAX_UNITS) == after
    assert quiet(after, MAX_UNITS) == after, "never twice"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(LINKS, LINKS, OTHERS), min_size=20, max_size=120))
def test_every_message_is_short_enough_with_the_brackets_and_cuts_none_of_them(pieces):
    text = "\n".join(before for before, _ in pieces)
    parts = DiscordForm().reply(Reply(text))

    assert all(0 < units(part) <= MAX_UNITS for part in parts)
    outside = [CODE.sub("", part) for part in parts]
    assert [link for part in outside for link in QUIET.findall(part)] == QUIET.findall(CODE.sub("", quiet(text, MAX_UNITS)))
    assert not [part for part in outside if "http://" in (rest := QUIET.sub("", part)) or "https://" in rest]
    assert not [part for part in outside if re.search(r"\]\((?!<)", part)]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("`<>[]() \n.*|ahttps:/。"), max_size=200) | st.text(max_size=500))
def test_any_text_keeps_its_words_and_is_changed_once(text):
    once = quiet(text, MAX_UNITS)

    assert quiet(once, MAX_UNITS) == once
    assert once.replace("<", "").replace(">", "") == text.replace("<", "").replace(">", "")


def test_a_link_while_it_is_written_has_no_preview_either():
    assert DiscordForm().answer("see https://exam") == ["see <https://exam>"]
    assert DiscordForm().answer("see https://") == ["see https://"]


def test_a_link_as_long_as_a_message_stays_as_it_is():
    """It has to be cut, and brackets would only be strewn about."""
    link = "https://example.org/" + "a" * 3000
    assert "".join(DiscordForm().plain(link)) == link
    longest = "https://example.org/" + "a" * (MAX_UNITS - 22)
    assert split(quiet(longest, MAX_UNITS)) == [f"<{longest}>"]


@pytest.mark.parametrize("form", ["plain", "answer"])
def test_the_bots_own_words_and_drafts_are_quiet_too(form):
    assert getattr(DiscordForm(), form)("https://example.org") == ["<https://example.org>"]


def test_thoughts_and_remarks_are_quiet_too():
    reply = Reply("Here.", thought="as on https://example.org/a", remarks=("more on https://example.org/b",))
    [text] = DiscordForm().reply(reply)
    assert text == "-# as on <https://example.org/a>\n\nHere.\n\n-# more on <https://example.org/b>"


@pytest.mark.parametrize(
    "text", ["https://a(" * 2000, "``a " * 4000, "`a" * 9000, "](https://a" * 3000, "<https://a" * 3000, "https://a()" * 3000]
)
def test_no_text_takes_long(text):
    """Grown tenfold, it takes about ten times as long: a pattern that tried all ways would take for ever."""
    assert quiet(text, MAX_UNITS)
