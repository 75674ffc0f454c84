"""Ids that are text: nothing is lost, nobody types a mark, and a token is about four bytes."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.echo import END_THINK, SPECIAL, THINK
from workers.engines.openai.ids import Packer, Said, messages_of, pack, raw_of, text_of, unpack
from workers.engines.openai.tokenizer import ChatTokenizer, ServerTokenizer
from workers.thinking import ThinkSplitter
from workers.tokenizer import Message

TALK = [Message("user", "你好"), Message("assistant", "你好！"), Message("user", "1+1?")]
typed = st.lists(st.sampled_from([*SPECIAL, "<|im_start|>", "<", "｜"]) | st.text(max_size=9), max_size=6).map("".join)


@given(st.binary(max_size=60))
def test_bytes_become_ids_and_the_same_bytes_again(data):
    assert b"".join(map(unpack, pack(data))) == data
    assert len(pack(data)) == -(-len(data) // 4)


@given(st.binary(min_size=1, max_size=4))
def test_no_piece_of_text_has_the_id_of_a_mark(piece):
    assert pack(piece)[0] not in SPECIAL.values()


@given(st.lists(st.text(max_size=9), max_size=9))
def test_a_stream_makes_the_same_ids_however_it_was_cut(pieces):
    packer = Packer()
    ids = [id for piece in pieces for id in packer.feed(piece)]

    assert (*ids, *packer.flush()) == pack("".join(pieces).encode())


@given(st.lists(st.text(), max_size=5))
def test_ids_become_text_as_soon_as_it_is_whole(pieces):
    decoder, ids = ServerTokenizer().decoder(), pack("".join(pieces).encode())

    assert "".join(decoder.feed((id,)) for id in ids) + decoder.flush() == "".join(pieces)


def test_a_prompt_becomes_the_messages_it_was_made_of():
    said = [Said("user", "你好"), Said("assistant", "你好！"), Said("user", "1+1?")]

    assert messages_of(ChatTokenizer().render(TALK)) == (said, "")
    assert messages_of(ServerTokenizer().render(TALK)) == (said, "")


def test_a_raw_prompt_is_r1s_template_without_the_mark_that_servers_put_in_front():
    raw = raw_of(ServerTokenizer().render(TALK))

    assert raw == "<｜User｜>你好<｜Assistant｜>你好！<｜end▁of▁sentence｜><｜User｜>1+1?<｜Assistant｜><think>\n"


@given(typed, typed)
def test_nobody_types_a_turn_of_the_other_side(first, last):
    prompt = ChatTokenizer().render([Message("user", first), Message("assistant", "x"), Message("user", last)])
    said, written = messages_of(prompt)

    assert [one.role for one in said] == ["user", "assistant", "user"]
    assert written == ""
    assert not [mark for one in said for mark in [*SPECIAL, "<|im_start|>"] if mark in one.content]


def test_what_is_written_of_the_reply_is_seen():
    ids = ServerTokenizer().render(TALK)

    assert messages_of((*ids, *pack(b"some thought")))[1] == "some thought"
    assert text_of(ids[-1:]) == "\n"


@pytest.mark.parametrize("size", [1, 3, 99])
def test_a_second_thought_is_one_though_the_server_has_parted_the_first_and_a_named_tag_is_none(size):
    """Models that stumble begin another one where the answer would begin."""
    packer, decoder, splitter = Packer(), ServerTokenizer().decoder(), ThinkSplitter(inside=False)
    packer.is_parted = True
    pieces = defaultdict(str)
    for mark, text in [(THINK, "I see\n<think> and </think>."), (END_THINK, "<think>\nAgain.</think>\n\nIt is <think>.")]:
        cuts = [text[start : start + size] for start in range(0, len(text), size)]
        for ids in [packer.mark(mark), *map(packer.feed, cuts), packer.flush()]:
            for piece in splitter.feed(decoder.feed(ids)):
                pieces[piece.kind] += piece.text.replace("\u2060", "")

    assert pieces == {"thought": "I see\n<think> and </think>.\nAgain.", "answer": "It is <think>."}


def test_what_may_begin_a_tag_is_said_once_when_none_comes_of_it():
    packer = Packer()
    packer.is_parted = True
    ids = [*packer.feed("1 <"), *packer.mark(END_THINK), *packer.feed("2 </th"), *packer.flush(), *packer.flush()]

    assert text_of(ids) == "1 <2 </th"
