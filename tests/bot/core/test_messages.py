import json
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConversation
from bot.core.messages import (
    SCHEMA,
    Conversation,
    Draft,
    Failed,
    FailedReason,
    Finished,
    Line,
    Note,
    Turn,
    dump,
    load_event,
    load_line,
    load_turn,
    new_turn_id,
)
from tests.sayings import line, talk, turn

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers, times = st.integers(0, 2**53), st.floats(0, 2e9)
lines = st.builds(Line, texts, texts, texts, texts, times, st.sampled_from(["say", "retry"]))
turns = st.builds(
    Turn, texts, st.lists(lines, max_size=3).map(tuple), texts, times, texts, st.sampled_from(get_args(Note)), numbers, numbers
)
events = st.one_of(
    st.builds(Draft, texts, texts, numbers, numbers, st.booleans(), texts, texts),
    st.builds(Finished, texts, texts, texts, texts, texts, st.sampled_from(get_args(Note))),
    st.builds(Failed, texts, texts, texts, st.sampled_from(get_args(FailedReason))),
)


@given(lines)
def test_a_line_comes_back_as_it_was(value):
    assert load_line(dump(value)) == value


@given(turns)
def test_a_turn_comes_back_as_it_was(value):
    assert load_turn(dump(value)) == value


@given(events)
def test_an_event_comes_back_as_it_was(value):
    assert load_event(dump(value)) == value


def newer(data):
    """As a version writes it that knows more of everything."""
    return re.sub(rb"(?<=[{])", b'"of_tomorrow":1,', data)


@pytest.mark.parametrize(
    ("load", "value"),
    [
        (load_line, line()),
        (load_turn, turn()),
        (load_event, Draft(str(talk()), "t1", 1, 1, False, "", "hi")),
        (load_event, Finished(str(talk()), "t1", "1", "hi", speakers=("7",))),
        (load_event, Failed(str(talk()), "t1", "1", "stopped")),
    ],
)
def test_what_a_newer_version_tells_besides_is_passed_over(load, value):
    """While one process after the other is updated, or when the update is taken back."""
    assert load(newer(dump(value))) == value


def test_what_is_written_carries_the_number_of_its_schema_and_readable_letters():
    assert json.loads(dump(line("你好")))["v"] == SCHEMA
    assert "你好".encode() in dump(line("你好"))


def test_several_lines_are_one_saying():
    assert Turn("t", (line("so"), line("listen")), "", 0, "").said == "so\nlisten"


def test_values_do_not_change():
    with pytest.raises(AttributeError):
        turn().reply = "other"


@pytest.mark.parametrize("text", ["", "a", "a:b:c:d", "a:b:c:d:e:f", "a:b:c:d:", "a:b:c:d:e\n"])
def test_what_is_no_conversation_is_refused(text):
    with pytest.raises(BadConversation):
        Conversation.parse(text)


def test_a_conversation_belongs_to_its_bot_account():
    assert talk("1", chat="-9", thread="7").surface == "telegram:42"
    assert str(talk("1", chat="-9", thread="7")) == "telegram:42:-9:7:1"


def test_turn_ids_are_unique_and_sorted_by_time():
    ids = [new_turn_id() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert [id.split("-")[0] for id in ids] == sorted(id.split("-")[0] for id in ids)
