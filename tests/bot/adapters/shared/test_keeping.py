"""What an adapter keeps of a conversation is kept as long as its person is known, told to them, and erased with them."""

import asyncio
import json
from contextlib import closing
from dataclasses import asdict

import pytest

from bot.adapters.shared.keeping import Keeping, Shown
from bot.adapters.telegram.keeping import TelegramKeeping
from bot.core.store import Keys, Store
from bot.core.vault import Vault
from tests.sayings import SURFACE, incoming, talk
from tests.traces import traces

SHOWN = Shown(turn="t1", ids=[7, 8], is_done=True, buttons=8)


@pytest.fixture
def keeping(store):
    return Keeping(store, SURFACE)


def test_what_is_shown_is_known_after_a_restart(store, keeping, inbox):
    inbox.accept(incoming())
    keeping.keep_shown(talk(), SHOWN)

    assert Keeping(store, SURFACE).shown(talk()) == SHOWN
    assert keeping.shown(talk("2")) == Shown()


def test_what_is_shown_is_kept_though_redis_has_no_memory_left(own_redis):
    with closing(Store(own_redis.url)) as full:
        Vault(full, b"k" * 32).seal(talk())
        full.redis.config_set("maxmemory", 1)
        Keeping(full, SURFACE).keep_shown(talk(), SHOWN)

        assert Keeping(full, SURFACE).shown(talk()) == SHOWN


def test_what_a_newer_version_keeps_besides_is_passed_over(store, keeping):
    name = Keys(SURFACE).of(talk(), "shown")
    store.redis.set(name, json.dumps(asdict(SHOWN) | {"of_tomorrow": 1}))

    assert keeping.shown(talk()) == SHOWN


@pytest.mark.parametrize("chat", ["70077", "-9"])
def test_whoever_is_forgotten_is_forgotten_by_the_adapter_too(store, keeping, inbox, people, chat):
    where = talk("70077", chat=chat)
    inbox.accept(incoming(conversation=where))
    keeping.keep_shown(where, SHOWN)
    asyncio.run(TelegramKeeping(store, SURFACE).keep(int(chat), 60))

    people.forget(talk("70077"))

    left = traces(store.redis, "70077")
    assert [name for name in left if not name.endswith(":outbox")] == []
    assert keeping.shown(where) == Shown()


def test_a_reply_that_ends_after_its_person_was_forgotten_leaves_no_trace(store, keeping, inbox, people):
    inbox.accept(incoming(conversation=talk("70077")))
    keeping.keep_shown(talk("70077"), SHOWN)
    people.forget(talk("70077"))

    keeping.keep_shown(talk("70077"), SHOWN)

    assert keeping.shown(talk("70077")) == Shown()


def test_an_export_tells_which_messages_are_known_to_stand_in_a_chat(keeping, inbox, people):
    inbox.accept(incoming())
    keeping.keep_shown(talk(), SHOWN)

    [conversation] = people.export(talk())["conversations"]
    assert (conversation["shown"]["turn"], conversation["shown"]["ids"]) == ("t1", [7, 8])
