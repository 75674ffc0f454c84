"""Whatever the cuts, thought and answer come apart the same way and no tag gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.thinking import Piece, ThinkSplitter

streams = st.lists(
    st.sampled_from(["<think>", "</think>", "\n", " ", "<", "</", "th", "ink>", "think", ">", "你好", "a", "1 < 2", "words. "]),
    max_size=24,
).map("".join)


def parted(chunks, inside):
    """(thought, answer) of a whole stream."""
    splitter = ThinkSplitter(inside)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.finish()
    return tuple("".join(piece.text for piece in pieces if piece.kind == kind) for kind in ("thought", "answer"))


@pytest.mark.parametrize(
    ("stream", "inside", "thought", "answer"),
    [
        ("hm\n</think>\n\nHi.", True, "hm\n", "Hi."),
        ("<think>\nhm</think>\n\nHi.", True, "hm", "Hi."),
        ("<think>\nhm</think>\n\nHi.", False, "hm", "Hi."),
        ("<think><think>hm</think>Hi.", False, "hm", "Hi."),
        ("hm</think></think>\n\nHi.", True, "hm", "Hi."),
        ("\n</think>\n\nHi.", True, "", "Hi."),
        ("Hi.", False, "", "Hi."),
        ("still thinking", True, "still thinking", ""),
        ("hm</think>Hi. <think>more</think>Bye.", True, "hmmore", "Hi. Bye."),
        ("Hi.</think> You.", False, "", "Hi. You."),
        ("if 1 < 2", False, "", "if 1 < 2"),
        ("a <thing> b", False, "", "a <thing> b"),
        ("<<think>hm</think>Hi", False, "hm", "<Hi"),
        ("end <thi", False, "", "end <thi"),
        ("", True, "", ""),
    ],
)
def test_thought_and_answer_come_apart(stream, inside, thought, answer):
    assert parted([stream], inside) == (thought, answer)
    assert parted(stream, inside) == (thought, answer), "one character at a time"


@given(streams, st.booleans(), st.data())
def test_the_way_of_cutting_makes_no_difference(stream, inside, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parted(chunks, inside) == parted([stream], inside)


@given(streams, st.booleans())
def test_no_tag_is_ever_in_a_piece_and_no_other_text_is_lost(stream, inside):
    splitter = ThinkSplitter(inside)
    pieces = [*splitter.feed(stream), *splitter.finish()]
    assert not any("<think>" in piece.text or "</think>" in piece.text or not piece.text for piece in pieces)
    plain = stream.replace("</think>", "").replace("<think>", "") if "<<" not in stream else None
    if plain is not None and "<think>" not in plain and "</think>" not in plain:
        assert "".join("".join(piece.text for piece in pieces).split()) == "".join(plain.split())


@given(st.text(alphabet=st.characters(exclude_characters="<", exclude_categories=("Cs", "Z", "C")), min_size=1))
def test_plain_text_flows_at_once(text):
    assert ThinkSplitter(inside=False).feed(text) == [Piece("answer", text)]


def test_blank_lines_before_the_answer_are_trimmed_though_they_come_apart():
    splitter = ThinkSplitter(inside=True)
    chunks = ["</think>", "\n", "\n", " Hi.", "\n\n", "Bye."]
    assert [piece for chunk in chunks for piece in splitter.feed(chunk)] == [
        Piece("answer", "Hi."), Piece("answer", "\n\n"), Piece("answer", "Bye."),
    ]  # fmt: skip


@pytest.mark.parametrize("nothing", ["\u200b", "\ufeff\n", " \u2060\u200d ", "\u200e\u200f"])
def test_an_answer_of_signs_that_show_nothing_is_none(nothing):
    splitter = ThinkSplitter(inside=True)
    assert not [piece for piece in splitter.feed(f"hm</think>{nothing}") if piece.kind == "answer"]
    assert splitter.feed("Yes \u200b.") == [Piece("answer", "Yes \u200b.")]


def test_it_knows_whether_it_is_thinking():
    splitter = ThinkSplitter(inside=True)
    assert splitter.thinking
    splitter.feed("hm</thi")
    assert splitter.thinking
    splitter.feed("nk>")
    assert not splitter.thinking


def test_what_may_be_a_tag_is_held_back_only_as_long_as_it_may_be_one():
    splitter = ThinkSplitter(inside=False)
    assert splitter.feed("a </th") == [Piece("answer", "a ")]
    assert splitter.feed("e") == [Piece("answer", "</the")]
