"""By what the companion says, with the model in the box and no dice: it remembers, it is somebody, it keeps people apart."""

import pytest

from tests.fakes.telegram import TOKEN, TelegramServer
from tests.programs import Chat, Up, until
from workers.models import has_bundled

pytestmark = pytest.mark.skipif(not has_bundled(), reason="the model in the box is not there")


@pytest.fixture
def chat(tmp_path):
    with Chat(tmp_path, engine="auto", device="cpu", persona_dir=_greedy(tmp_path), persona="calm") as chat:
        yield chat


def _greedy(folder):
    """A persona that always says what is likeliest."""
    (folder / "personas").mkdir()
    (folder / "personas" / "calm.toml").write_text(
        'title = "Wren"\ndescription = "A calm and friendly companion. You are an AI and say so when asked."\n'
        'greeting = "Hello."\nstyle = "Short and kind."\ntemperature = 0.0\n'
    )
    return folder / "personas"


def test_what_a_person_told_is_remembered_two_turns_later_and_after_a_restart(chat, tmp_path):
    chat.ask("my name is Zorblat")
    chat.ask("the weather is nice today")
    assert "Zorblat" in chat.ask("what is my name?")
    chat.leave()

    with Chat(tmp_path, engine="auto", device="cpu", persona_dir=tmp_path / "personas", persona="calm") as later:
        assert "Zorblat" in later.ask("what is my name?")


def test_after_a_reset_it_was_not_told(chat):
    chat.ask("my cat is called Quimbo")
    assert "Quimbo" in chat.ask("what is my cat called?")
    chat.ask("/reset yes")

    assert "Quimbo" not in chat.ask("what is my cat called?")


def test_a_persona_changes_who_it_is(chat):
    assert "Wren" in chat.ask("who are you?")
    chat.ask("/persona tycho")
    chat.hear()
    assert "Tycho" in chat.ask("who are you?")

    chat.ask("/reset yes")
    chat.ask("/persona calm")
    chat.hear()
    assert "Wren" in chat.ask("who are you?")


def test_chinese_in_chinese_out(chat):
    answer = chat.ask("你好，我叫小龙")

    assert any("\u4e00" <= char <= "\u9fff" for char in answer)
    assert "小龙" in chat.ask("我叫什么名字？")


def test_a_second_person_in_the_same_group_is_not_known(tmp_path):
    calm = {"persona_dir": _greedy(tmp_path), "persona": "calm", "disclosure_hours": 0}
    with TelegramServer() as telegram:
        ann, bob = telegram.person(1001, "Ann"), telegram.person(1002, "Bob")
        group = telegram.group(-100500, ann, bob)

        def answers(asked):
            whole = [one for one in list(group.messages.values()) if one.get("reply_markup")]
            return [one["text"] for one in whole if one["reply_to_message"]["message_id"] == asked]

        def ask(person, text):
            """What was answered to it; the words for who waits have no buttons."""
            asked = person.write(f"@companion_bot {text}", group)["message_id"]
            return until(lambda: answers(asked), 50)[0]

        address = {"telegram_token": TOKEN, "telegram_url": telegram.base_url, "telegram_streaming": "off"}
        with Up(tmp_path, engine="auto", device="cpu", **address, **calm):
            ask(ann, "my cat is called Quimbo")
            assert "Quimbo" not in ask(bob, "what is my cat called?")
            assert "Quimbo" in ask(ann, "what is my cat called?")
