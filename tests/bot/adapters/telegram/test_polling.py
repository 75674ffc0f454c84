"""Long polling that loses nothing, whatever Telegram, Redis or the network do."""

import json

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.adapters.shared import back_off
from bot.core.inbox import Inbox
from bot.i18n import say
from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.fakes.telegram import Refused


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(back_off, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(back_off, "_LONGEST_PAUSE", 0.1)


def test_an_update_is_acknowledged_only_when_it_is_in_redis(start, telegram, ann, worker, monkeypatch):
    broken = [True]
    accept = Inbox.accept

    def perhaps(self, incoming):
        if broken[0]:
            raise RedisConnectionError("away")
        return accept(self, incoming)

    monkeypatch.setattr(Inbox, "accept", perhaps)
    start()
    ann.write("hello")
    asked = telegram.calls["getUpdates"]
    until(lambda: telegram.calls["getUpdates"] > asked + 3)
    assert telegram.acknowledged < 7000

    broken[0] = False
    assert worker.takes(talk_of(ann.id)).said == "hello"
    until(lambda: telegram.acknowledged == 7000)


def test_one_chat_that_cannot_be_kept_does_not_take_the_others_acknowledged_ones_back(
    start, telegram, ann, bob, worker, monkeypatch
):
    accept, broken = Inbox.accept, [True]

    def not_for_ann(self, incoming):
        if broken[0] and incoming.conversation.person == "1001":
            raise RedisConnectionError("away")
        return accept(self, incoming)

    monkeypatch.setattr(Inbox, "accept", not_for_ann)
    bob.write("first")
    ann.write("second")
    bob.write("third")
    start()
    until(lambda: telegram.acknowledged == 7000)
    assert worker.takes(talk_of(bob.id)).said == "first\nthird"
    broken[0] = False
    assert worker.takes(talk_of(ann.id)).said == "second"
    until(lambda: telegram.acknowledged == 7002)


def test_an_update_that_comes_twice_is_answered_once(start, telegram, ann, worker):
    telegram.fail("getUpdates", "cut after", times=0)
    update = ann.write("hello")
    telegram.updates.append(telegram.updates[0])
    command = ann.write("/help")
    telegram.updates += telegram.updates[-1:]
    start()
    assert update["message_id"] != command["message_id"]
    until(lambda: telegram.acknowledged >= 7001)
    assert worker.says(talk_of(ann.id), "Hi").said == "hello"
    until(lambda: len(ann.sees()) == 2)
    assert [text[:24] for text in sorted(ann.sees())] == ["Hi", say("en", "help")[:24]]


@pytest.mark.parametrize(
    "odd",
    [
        {"message": {"message_id": "x"}},
        {"callback_query": {"id": 1}},
        {"message": []},
        {"edited_message": {"message_id": 5, "date": 1, "chat": {"id": 1, "type": "private"}, "text": 7, "from": 3}},
    ],
)
def test_an_update_that_makes_no_sense_is_put_aside_without_anybodys_words_and_the_rest_go_on(
    start, telegram, ann, worker, odd, store
):
    adapter = start()
    telegram.update(**odd | {"secret": "my words"})
    ann.write("hello")
    assert worker.takes(talk_of(ann.id)).said == "hello"
    until(lambda: telegram.acknowledged == 7001)
    [kept] = store.redis.lrange(f"companion:{{telegram:{telegram.bot_id}}}:odd:telegram", 0, -1)
    assert json.loads(kept)["update_id"] == 7000
    assert b"my words" not in kept
    assert adapter.error is None


@pytest.mark.parametrize("fault", ["cut", "cut after", 500, 502, Refused(429, "Too Many Requests", retry_after=1)])
def test_it_goes_on_after_every_trouble_of_the_network(start, telegram, ann, worker, fault):
    telegram.fail("getUpdates", fault, times=3)
    start(waits=False)
    ann.write("hello")
    assert worker.says(talk_of(ann.id), "Hi").said == "hello"
    until(lambda: ann.sees() == ["Hi"])


def test_a_webhook_of_an_earlier_life_is_taken_away(start, telegram, ann, worker):
    telegram.webhook = "https://example.org"
    start(waits=False)
    ann.write("hello")
    assert worker.takes(talk_of(ann.id)).said == "hello"
    assert telegram.webhook == ""


def test_another_poller_on_another_redis_is_outlived(start, telegram, ann, worker):
    start()
    telegram.fail("getUpdates", Refused(409, "Conflict: terminated by other getUpdates request"), times=3)
    ann.write("hello")
    assert worker.takes(talk_of(ann.id)).said == "hello"


def test_somebody_whose_answers_have_to_wait_holds_up_nobody_else(start, telegram, ann, bob, worker):
    telegram.fail("sendMessage", Refused(429, "Too Many Requests: retry after 30", retry_after=30))
    ann.write("/help")
    start()
    until(lambda: telegram.faults == [])
    for _ in range(5):
        ann.write("/help")
    bob.write("hello")
    assert worker.says(talk_of(bob.id), "Hi").said == "hello"
    until(lambda: bob.sees() == ["Hi"], 25)


def test_answers_come_in_the_order_they_were_asked_for(start, telegram, ann):
    start()
    for command in ("/about", "/privacy", "/safety", "/memory", "/stats"):
        ann.write(command)
    until(lambda: len(ann.sees()) == 5)
    about, privacy, safety, memory, stats = ann.sees()
    assert about.startswith("Companion")
    assert privacy.startswith("What I keep")
    assert safety.startswith("I am an AI")
    assert memory == say("en", "memory-empty")
    assert "Tokens" in stats


def test_troubles_are_told_once_a_minute(start, telegram, ann, worker, capfd):
    from bot.core import logs

    logs.set_up("warning")
    telegram.fail("getUpdates", 500, times=6)
    start(waits=False)
    ann.write("hello")
    worker.takes(talk_of(ann.id))
    assert capfd.readouterr().err.count("cannot get or keep updates") == 1


def test_a_chats_updates_are_taken_in_order_even_when_one_takes_long(start, telegram, ann, worker, monkeypatch):
    for number in range(20):
        ann.write(str(number))
    start()
    until(lambda: telegram.acknowledged == 7019)
    assert worker.takes(talk_of(ann.id)).said == "\n".join(map(str, range(20)))
