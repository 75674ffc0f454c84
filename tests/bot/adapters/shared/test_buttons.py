"""What stands in a button: short, signed, and of no use to anybody else."""

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.shared.buttons import Buttons, Press, mark_of
from bot.commands import Choice
from bot.core.messages import Conversation
from bot.surface import Reply

TOKEN = "42:a-token"


def talk_of(person, chat=None, thread=0):
    return Conversation("telegram", "42", str(chat or person), str(thread), str(person))


def make(kept=None):
    return Buttons(TOKEN, lambda id, command: (kept if kept is not None else {}).update({id: command}))


def data_of(rows):
    return [key.data for row in rows for key in row]


@given(st.integers(1, 2**52), st.integers(0, 2**40), st.integers(1, 99))
def test_every_button_fits_into_64_bytes_and_reads_as_it_was_written(person, thread, num_variants):
    where, buttons = talk_of(person, -(10**13), thread), make()
    rows = buttons.under_reply(where, Reply("hi", turn="t-123", variant=1, num_variants=num_variants))
    for data in data_of(rows):
        assert len(data.encode()) <= 64
        press = buttons.read(data, where.chat, where.thread)
        assert (press.person, press.mark) == (str(person), mark_of("t-123"))


@given(st.text(max_size=64))
def test_anything_else_is_no_button(data):
    assert make().read(data, "1", "0") is None


def test_a_button_of_another_chat_or_another_token_is_none():
    [data] = data_of(make().while_writing(talk_of(5)))
    assert make().read(data, "5", "0") == Press("stop", "5")
    assert make().read(data, "6", "0") is None
    assert make().read(data, "5", "1") is None
    assert Buttons("1:another", lambda *_: None).read(data, "5", "0") is None


def test_a_command_too_long_for_a_button_is_kept():
    kept = {}
    command = "/admin persona -1001234567890123 a-persona-with-a-long-name yes"
    [data] = data_of(make(kept).for_choices(talk_of(5), (Choice("Yes", command),)))
    press = make().read(data, "5", "0")
    assert (press.deed, kept[press.what]) == ("kept", command)
