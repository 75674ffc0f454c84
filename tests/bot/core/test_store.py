import os
import re
import signal
from importlib.resources import files

import pytest
from redis.exceptions import RedisError

from bot.core.store import Keys, Store


def test_surfaces_are_listed_once_and_in_order(store):
    for surface in ("telegram:42", "console:local", "telegram:42"):
        store.add_surface(surface)

    assert store.surfaces() == ["console:local", "telegram:42"]


def test_a_script_runs_on_a_redis_that_has_never_seen_it(store):
    assert store.call("mark_seen", ["seen"], "7") == 1
    store.redis.script_flush()

    assert store.call("mark_seen", ["seen"], "7") == 0


def test_all_keys_of_a_script_are_in_one_slot(store):
    """On a cluster a script may touch one slot alone; the tag in braces decides which."""
    keys = Keys("telegram:42")
    names = [keys.of_person("1", "key"), keys.of_chat("-9", "chat"), keys.seen, keys.outbox, keys.dead]

    assert {re.search(r"\{(.+?)\}", name)[1] for name in names} == {"telegram:42"}


def test_every_script_says_what_it_takes_and_takes_its_time_from_redis():
    for script in (files("bot.core") / "scripts").iterdir():
        text = script.read_text()
        assert text.startswith("-- ")
        assert script.name == "common.lua" or "KEYS" in text.split("\nlocal")[0]
        assert "os.time" not in text


def test_redis_that_goes_away_is_an_error_soon_and_it_heals_by_itself(own_redis):
    store = Store(own_redis.url)
    store.redis.set("a", "b")
    os.kill(store.redis.info()["process_id"], signal.SIGKILL)
    with pytest.raises(RedisError):
        store.redis.get("a")

    own_redis.start()

    assert store.redis.get("a") == b"b"
    store.close()


def test_a_channel_hears_what_is_published_while_it_is_open(store):
    with store.channel("news") as channel:
        assert channel.get_message(timeout=1) is None, "the subscription itself is no message"
        store.redis.publish("news", "hello")
        assert channel.get_message(timeout=60)["data"] == b"hello"
        assert channel.get_message(timeout=0.01) is None
