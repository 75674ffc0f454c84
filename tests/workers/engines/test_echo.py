"""The echo engine reads the prompts the worker writes and answers by their directives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.engines.echo_prompts import CLOSED, prompt_ids, text
from workers.engines.echo import END, END_THINK, SPECIAL
from workers.engines.echo.reply import DIE, read, write

PERSONA = "You are Xiaoman.\nBe kind.\n---\n"


def ids_of(*turns, opening=None, limit=3000):
    prompt = read(prompt_ids(*turns) if opening is None else prompt_ids(*turns, opening=opening))
    return [id for id, _ in zip(write(prompt), range(limit), strict=False)]


def reply_to(*turns, opening=None, limit=3000):
    """(thought, answer); the answer is None where the thought was never closed."""
    ids = [id for id in ids_of(*turns, opening=opening, limit=limit) if id != END]
    thought, closed, answer = text([ids]).partition("</think>\n\n")
    return (thought, answer) if closed else (thought, None)


def test_it_says_what_it_heard_after_a_thought():
    thought, answer = reply_to(PERSONA + "hello there")

    assert thought.strip()
    assert answer == "You said: hello there. I am listening."


def test_chinese_is_answered_in_chinese():
    assert reply_to(PERSONA + "你好")[1] == "你说:你好。我在听。"


def test_a_thought_closed_beforehand_is_not_thought_again():
    assert text([ids_of("hello", opening=CLOSED)[:-1]]) == "You said: hello. I am listening."


def test_the_persona_block_ends_with_its_last_rule_and_is_not_the_persons():
    assert reply_to("Name: X\n---\nmore\n---\nhello")[1] == "You said: hello. I am listening."
    assert reply_to(PERSONA + "#persona")[1] == "You are Xiaoman."
    assert reply_to("no persona here")[1] == "You said: no persona here. I am listening."


def test_history_lists_what_was_said_before():
    answer = reply_to(PERSONA + "first", "one", "second\nline", "two", "#history")[1]

    assert answer == "Before this you said 2:\n1. first\n2. second\nline"


@pytest.mark.parametrize(
    ("directive", "thought", "answer"),
    [("#think 3", "thought1 thought2 thought3", None), ("#long 3", None, "word1 word2 word3")],
)
def test_lengths_are_as_asked(directive, thought, answer):
    got = reply_to(f"say {directive} please")

    assert thought is None or got[0].strip() == thought
    assert answer is None or got[1] == answer


def test_the_last_message_alone_gives_directions():
    assert reply_to(PERSONA + "#empty", "", "hello")[1] == "You said: hello. I am listening."


def test_a_thought_that_never_closes_goes_on_until_it_is_cut():
    assert len(ids_of("#noclose", limit=5000)) == 5000
    assert END_THINK not in ids_of("#noclose")
    assert reply_to("#loop")[0].count("I should think about this once more.") > 50


@pytest.mark.parametrize("directive", ["#noclose", "#loop", "#eos-in-thought"])
def test_after_a_forced_close_the_answer_follows(directive):
    opening = (*prompt_ids("x")[-2:], *b"Thought 0. \n", END_THINK, *b"\n\n")

    assert text([ids_of(f"hello {directive}", opening=opening)[:-1]]) == "You said: hello. I am listening."


def test_odd_ends_are_written_as_asked():
    assert ids_of("#eos-in-thought")[-1] == END
    assert END_THINK not in ids_of("#eos-in-thought")
    assert reply_to("#empty")[1] == ""
    assert reply_to("#nothink hello") == ("You said: hello. I am listening.", None)
    assert reply_to("#loop-answer")[1].count("I say this again and again.") > 50


def test_dying_is_in_the_middle_of_the_answer():
    ids = ids_of("hello #die")

    assert END_THINK in ids[: ids.index(DIE)]
    assert ids[ids.index(DIE) + 1 :]


def test_no_file_outside_the_temporary_folder_is_touched(tmp_path_factory, monkeypatch):
    victim = tmp_path_factory.mktemp("elsewhere") / "die"
    victim.touch()
    monkeypatch.setattr("workers.engines.echo.reply.gettempdir", lambda: str(victim.parent / "tmp"))

    assert DIE not in ids_of(f"#die-file {victim}")
    assert victim.exists()


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5), st.integers(min_value=0, max_value=300), st.booleans())
def test_a_reply_goes_on_from_wherever_it_was_cut(turns, cut, closed):
    """A pure function of prompt and position: prompt + what came = the rest."""
    turns = turns if len(turns) % 2 else turns[1:]
    opening = CLOSED if closed else prompt_ids("x")[-2:]
    whole = ids_of(*turns, opening=opening, limit=400)
    cut = min(cut, len(whole) - 1)

    assert ids_of(*turns, opening=(*opening, *whole[:cut]), limit=400 - cut) == whole[cut:]


@given(st.lists(st.integers(min_value=0, max_value=261), max_size=60))
def test_any_prompt_is_answered(ids):
    reply = [id for id, _ in zip(write(read(ids)), range(200), strict=False)]

    assert reply
    assert set(reply) <= set(range(256)) | set(SPECIAL.values()) | {DIE}
