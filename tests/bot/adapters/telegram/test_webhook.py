"""Updates that Telegram brings: only from Telegram, only of a sensible size, and none that was not kept is thanked for."""

import contextlib
import http.client
import json
import socket

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.adapters.telegram import webhook
from bot.core.errors import CompanionError
from bot.core.inbox import Inbox
from bot.core.texts import SHELL
from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.fakes.telegram import TOKEN
from tests.ports import free_port


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def begin(start, telegram, port):
    def begin(**settings):
        where = {"telegram_webhook_url": f"http://127.0.0.1:{port}/bot", "telegram_webhook_listen": f"127.0.0.1:{port}"}
        adapter = start(waits=False, **{**where, **settings})
        until(lambda: telegram.webhook or adapter.error)
        return adapter

    return begin


def post(port, body, secret=None):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/", body, {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {})
        return connection.getresponse().status


def test_what_telegram_brings_is_answered_and_nothing_is_fetched(begin, telegram, ann, worker):
    begin()
    ann.write("hello")
    assert worker.says(talk_of(ann.id), "Hi").said == "hello"
    until(lambda: ann.sees() == ["Hi"])
    assert telegram.calls["getUpdates"] == 0
    assert telegram.asked("setWebhook")[-1]["max_connections"] == 40


def test_telegram_is_not_told_that_we_have_it_before_it_is_in_redis(begin, telegram, ann, worker, monkeypatch):
    broken, accept = [True], Inbox.accept

    def perhaps(self, incoming):
        if broken[0]:
            raise RedisConnectionError("away")
        return accept(self, incoming)

    monkeypatch.setattr(Inbox, "accept", perhaps)
    begin()
    ann.write("hello")
    until(lambda: telegram.calls["webhook"] > 2)
    assert telegram.acknowledged == 0
    broken[0] = False
    assert worker.takes(talk_of(ann.id)).said == "hello"
    until(lambda: telegram.acknowledged == 7000)


@pytest.mark.parametrize("secret", [None, "", "guess", "\xe9"])
def test_whoever_does_not_know_the_secret_is_not_heard(begin, telegram, ann, port, secret):
    adapter = begin()
    message = {"message_id": 1, "date": 1, "chat": ann.chat.as_json(), "from": ann.as_json(), "text": "I am Ann"}
    assert post(port, json.dumps({"update_id": 1, "message": message}), secret) == 404
    assert adapter.front.inbox.waiting(talk_of(ann.id)) == []


def test_the_secret_is_not_the_token_and_the_same_after_a_restart(begin, telegram):
    begin().stop()
    first, telegram.webhook = telegram.secret, ""
    begin()
    assert telegram.secret == first
    assert TOKEN.partition(":")[2] not in first


@pytest.mark.parametrize(
    ("body", "status"), [(b"x" * (webhook._MAX_BYTES + 1), 413), (b"{", 400), (b"[]", 400), (b"\xff", 400)]
)
def test_what_cannot_be_an_update_is_refused(begin, telegram, port, body, status):
    begin()
    assert post(port, body, telegram.secret) == status


def test_an_update_that_makes_no_sense_is_put_aside_and_not_brought_again(begin, telegram, ann, worker, store):
    begin()
    telegram.update(message={"message_id": "x"})
    ann.write("hello")
    assert worker.takes(talk_of(ann.id)).said == "hello"
    until(lambda: telegram.acknowledged == 7001)
    assert store.redis.keys(f"companion:{{telegram:{telegram.bot_id}}}:odd*")


@pytest.mark.parametrize("language", SHELL.languages())
def test_a_url_that_telegram_refuses_ends_in_words(begin, monkeypatch, language):
    monkeypatch.setenv("COMPANION_LANGUAGE", language)
    adapter = begin(telegram_webhook_url="http://example.org/")
    assert isinstance(adapter.error, CompanionError)
    said, why = SHELL.say(language, "telegram-no-webhook", problem="|").split("|")[0], str(adapter.error)
    assert why.startswith(said)
    assert "https" in why.removeprefix(said).lower()


@pytest.mark.parametrize("language", SHELL.languages())
def test_a_port_that_is_taken_ends_in_words(begin, monkeypatch, port, language):
    monkeypatch.setenv("COMPANION_LANGUAGE", language)
    with socket.create_server(("127.0.0.1", port)):
        adapter = begin()
    assert isinstance(adapter.error, CompanionError)
    said = SHELL.say(language, "telegram-cannot-listen", address=f"127.0.0.1:{port}", problem="|").split("|")[0]
    assert str(adapter.error).startswith(said)
    assert "in use" in str(adapter.error)


def test_without_the_setting_the_updates_are_fetched_again(begin, start, telegram, ann, worker):
    begin().stop()
    ann.write("hello")
    start(waits=False)
    assert worker.takes(talk_of(ann.id)).said == "hello"
    assert telegram.webhook == ""
