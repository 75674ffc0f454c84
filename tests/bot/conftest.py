"""What tests of the front share: delivery that does not dawdle, and a Redis of their own for those that kill it."""

import base64
import time

import pytest

from bot import delivery
from bot.conduct import Disclosures
from bot.core import presence
from bot.core.settings import load
from bot.embedded import EmbeddedRedis
from bot.run import Front


class EverybodyWasTold(Disclosures):
    def take(self, conversation, hours):
        return False


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(delivery, "_BLOCK_MS", 50)
    monkeypatch.setattr(delivery, "_RETRY_SECONDS", 0.02)


@pytest.fixture(autouse=True)
def _who_was_announced_is_there(monkeypatch):
    """However long the test takes to look."""
    monkeypatch.setattr(presence, "_SECONDS", 600)


@pytest.fixture(autouse=True)
def _no_midnight():
    """Days are those of UTC; a test that sees two of them would be about something else."""
    if (left := -time.time() % 86_400) < 5:
        time.sleep(left)


@pytest.fixture
def own_redis(tmp_path):
    with EmbeddedRedis(tmp_path / "own") as server:
        yield server


@pytest.fixture
def make_front(store, redis_server, tmp_path):
    """Fronts on the Redis of the run, with the vault's key; settings as given.

    Everybody has been told already that this is an AI, unless a test is about just that.
    """
    made = []

    def make(url=redis_server.url, everybody_was_told=True, **settings):
        key = base64.b64encode(b"k" * 32).decode()
        defaults = {"merge_seconds": 0, "data_dir": tmp_path, "memory_key": key}
        made.append(Front(load(**{**defaults, **settings}), url))
        if everybody_was_told:
            made[-1].__dict__["disclosures"] = EverybodyWasTold(made[-1].store)
        return made[-1]

    yield make
    for front in made:
        front.store.close()


@pytest.fixture
def front(make_front):
    return make_front()
