"""What tests of the front share: delivery that does not dawdle, and a Redis of their own for those that kill it."""

import pytest

from bot import delivery
from bot.embedded import EmbeddedRedis


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(delivery, "_BLOCK_MS", 50)
    monkeypatch.setattr(delivery, "_RETRY_SECONDS", 0.02)


@pytest.fixture
def own_redis(tmp_path):
    with EmbeddedRedis(tmp_path / "own") as server:
        yield server
