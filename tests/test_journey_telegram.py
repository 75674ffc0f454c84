"""The whole way of a message on Telegram: a Bot API server, the adapter, Redis, a Celery worker, the engine, and back."""

import re

import pytest

from bot.i18n import say
from tests.fakes.telegram import TOKEN, TelegramServer, piece
from tests.programs import Up, kill, processes_of, until
from tests.workers.engines.echo_prompts import whole_answer

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")
TALE = "tell me of the sea, of the wind and of all that there is between them"  # some seconds, at a slow pace
ENDLESS = "#think 1 #long 500 #slow"  # goes on for three minutes, so that no stop comes too late


@pytest.fixture(scope="module")
def telegram():
    with TelegramServer(floods=True) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def service(telegram, tmp_path_factory):
    folder = tmp_path_factory.mktemp("telegram")
    settings = {"telegram_token": TOKEN, "telegram_url": telegram.base_url, "merge_seconds": 0.1, "disclosure_hours": 0}
    with Up(folder, context_tokens=160_000, answer_tokens=40_000, **settings) as running:
        until(lambda: telegram.calls["getUpdates"], 90)
        yield running
    assert processes_of(folder) == []
    assert telegram.num_floods == 0, "whatever was said, no limit of Telegram was reached"


def newcomer(telegram, *who):
    """Somebody who has pressed Start."""
    person = telegram.person(max(telegram.chats, default=1000) + 1, *who)
    person.write("/start")
    until(person.sees)
    return person


@pytest.fixture
def ann(telegram):
    return newcomer(telegram, "Ann")


def answers(ann):
    """What came after the greeting."""
    return ann.sees()[1:]


def is_done(ann):
    """Whether the newest message is a whole answer."""
    return answers(ann) and ann.buttons()[-1][-2:] == ["↻", "…"]


def test_a_person_sees_that_it_thinks_and_reads_the_answer_grow(telegram, ann):
    ann.write(f"{TALE} #think 8 #slow")
    until(lambda: ann.draft() == "", 90)
    whole = f"You said: {TALE}. I am listening."
    until(lambda: answers(ann) and len(answers(ann)[0]) < len(whole) and ann.buttons()[-1] == ["⏹"], 90)
    assert ann.draft() is None
    until(lambda: answers(ann) == [whole], 90)
    until(lambda: is_done(ann))


def test_an_answer_of_30_000_characters_with_code_comes_whole_and_in_order(telegram, ann):
    ann.write("teach me #code 75")
    until(lambda: is_done(ann), 90)
    parts = [one for one in ann.chat.messages.values() if one["from"]["is_bot"]][1:]

    whole = "\n".join(one["text"] for one in parts)
    assert len(whole) > 30_000
    assert [whole.count(f"Step {number}.") for number in range(1, 76)] == [1] * 75
    assert re.findall(r"    value_1 = compute\((\d+), 1\)", whole) == list(map(str, range(1, 76)))
    for one in parts:
        coded = [piece(one["text"], mark) for mark in one["entities"] if mark["type"] == "pre"]
        assert sum(code.count("compute") for code in coded) == one["text"].count("compute")
        assert "```" not in one["text"]


def test_two_people_who_name_the_bot_at_once_are_each_answered(telegram, ann):
    bob = newcomer(telegram, "Bob", "zh-hans")
    group = telegram.group(-100500 - ann.id, ann, bob)
    asked = ann.write("@companion_bot I am Ann", group), bob.write("你好 @companion_bot", group)
    expected = ("You said: I am Ann. I am listening.", "你说:你好。我在听。")
    until(lambda: sorted(telegram.texts(group)) == sorted(expected), 90)

    replied = {one["text"]: one["reply_to_message"]["message_id"] for one in group.messages.values() if one["from"]["is_bot"]}
    assert replied == dict(zip(expected, (message["message_id"] for message in asked), strict=True))


def test_a_reply_is_stopped_in_the_middle_and_what_was_said_stays(telegram, ann):
    ann.write(ENDLESS)
    until(lambda: answers(ann), 90)
    ann.press("⏹")
    until(lambda: is_done(ann), 90)
    [shown] = answers(ann)
    said, _, note = shown.partition("\n\n")
    assert whole_answer(ENDLESS).startswith(said)
    assert 0 < len(said) < len(whole_answer(ENDLESS))
    assert note == say("en", "note-stopped")


def test_telegrams_own_stop_ends_a_thought(telegram, ann):
    ann.write("think hard #think 500 #slow")
    until(lambda: ann.draft() == "", 90)
    ann.stop_draft()
    until(lambda: answers(ann) == [say("en", "failed-stopped")], 90)
    assert ann.draft() is None


def test_another_answer_is_asked_for_and_one_leafs_through_them(telegram, ann):
    ann.write("#persona")
    until(lambda: is_done(ann), 90)
    ann.write("/persona tycho")
    until(lambda: len(answers(ann)) == 2)
    ann.press("↻")
    until(lambda: len(answers(ann)) == 3 and ann.buttons()[-1] == ["◀ 1/2", "↻", "…"], 90)
    wren, tycho = answers(ann)[0], answers(ann)[-1]
    assert (wren[:13], tycho[:14]) == ("You are Wren.", "You are Tycho.")

    ann.press("◀")
    until(lambda: answers(ann)[-1] == wren)
    ann.press("▶")
    until(lambda: answers(ann)[-1] == tycho)
    ann.press("…")
    until(lambda: answers(ann)[3:] == ["You said: Please go on.. I am listening."], 90)


def test_a_killed_adapter_is_started_again_and_answers_what_was_written_meanwhile(service, telegram, ann):
    ann.write("before")
    until(lambda: answers(ann) == ["You said: before. I am listening."], 90)
    service.settle()
    kill(service.child("bot bot telegram"))
    ann.write("meanwhile")
    until(lambda: answers(ann)[1:] == ["You said: meanwhile. I am listening."], 90)
