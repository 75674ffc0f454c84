"""The whole way of a message on Telegram: a Bot API server, the adapter, Redis, a Celery worker, the engine, and back."""

import pytest

from tests.fakes.telegram import TOKEN, TelegramServer
from tests.programs import Chat, until

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")


@pytest.fixture(scope="module")
def telegram():
    with TelegramServer() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def service(telegram, tmp_path_factory):
    folder = tmp_path_factory.mktemp("telegram")
    settings = {"telegram_token": TOKEN, "telegram_url": telegram.base_url, "merge_seconds": 0.1, "log_level": "info"}
    with Chat(folder, "bot", "up", **settings) as running:
        until(lambda: telegram.calls["getUpdates"], 40)
        yield running


def test_a_person_writes_and_is_answered(telegram):
    ann = telegram.person(1001)
    ann.write("hello")
    until(lambda: any("You said: hello" in text for text in ann.sees()), 30)
