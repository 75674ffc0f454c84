"""The adapter against a Bot API server and a real Redis. The test itself is the worker: it decides what is said when."""

import logging

import pytest
import structlog

from bot.adapters.telegram import run
from bot.core.messages import Conversation
from tests.bot.adapters.working import Adapter, Worker, until
from tests.fakes.telegram import BOT_ID, TOKEN, TelegramServer

SURFACE = f"telegram:{BOT_ID}"


def talk_of(person, chat=None, thread=0):
    return Conversation("telegram", str(BOT_ID), str(chat or person), str(thread), str(person))


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture
def telegram():
    with TelegramServer() as server:
        yield server


@pytest.fixture
def start(make_front, telegram):
    """Starts adapters, with settings as given, and waits until they listen."""
    running = []

    def begin(waits=True, **settings):
        defaults = {"telegram_token": TOKEN, "telegram_url": telegram.base_url}
        asked = telegram.calls["getUpdates"]
        running.append(Adapter(run, make_front(**{**defaults, **settings})))
        if waits:
            until(lambda: telegram.calls["getUpdates"] > asked)
        return running[-1]

    yield begin
    for adapter in running:
        adapter.stop()


@pytest.fixture
def worker(store, vault, memory):
    return Worker(store, vault, memory, SURFACE)


@pytest.fixture
def ann(telegram):
    return telegram.person(1001, "Ann")


@pytest.fixture
def bob(telegram):
    return telegram.person(1002, "Bob", "zh-hans")
