"""Who is silent for longer than the operator keeps anything is erased whole; nobody else is touched."""

import asyncio

import pytest

from bot import retention
from bot.core.errors import BadConversation
from bot.core.lease import Leases
from bot.core.store import ERASED, Keys
from bot.reception import Reception
from bot.retention import Retention
from tests.programs import until
from tests.sayings import SURFACE, finished, incoming, talk, turn
from tests.traces import traces

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def silent_for(store):
    def make(person, days):
        seconds, _ = store.redis.time()
        store.redis.zadd(Keys(SURFACE).people, {person: seconds * 1000 - days * DAY_MS})

    return make


@pytest.fixture
def met(inbox, leases, people):
    def make(person):
        inbox.accept(incoming(conversation=talk(person)))
        leases.commit(leases.acquire(talk(person)), finished(talk(person)), turn(), "append")
        people.choose(talk(person), persona="tycho")

    return make


def names_of(store, person):
    return [key for key in store.redis.keys("*") if key.endswith(f":{person}".encode())]


def test_the_silent_are_erased_and_the_others_are_not(make_front, store, met, silent_for, memory):
    met("1")
    met("2")
    silent_for("1", 31)
    silent_for("2", 29)
    store.add_surface(SURFACE)

    Retention(make_front(retention_days=30)).erase_where_due()

    assert memory.recent(talk("1")) == []
    assert names_of(store, "1") == []
    assert len(memory.recent(talk("2"))) == 1
    assert [name.decode() for name in store.redis.zrange(Keys(SURFACE).people, 0, -1)] == ["2"]


def test_whatever_goes_wrong_is_tried_again(make_front, store, met, silent_for, memory, monkeypatch):
    monkeypatch.setattr(retention, "_LOOK_SECONDS", 0.01)
    keeper = Retention(make_front(retention_days=30))
    faults = iter([BadConversation("a name that none has"), ValueError("no number")])
    due = keeper.erase_where_due

    def erase():
        if fault := next(faults, None):
            raise fault
        due()

    monkeypatch.setattr(keeper, "erase_where_due", erase)
    met("1")
    silent_for("1", 31)
    store.add_surface(SURFACE)

    async def keep():
        keeping = asyncio.create_task(keeper.keep())
        while memory.recent(talk("1")) and not keeping.done():
            await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(keep())
    assert memory.recent(talk("1")) == []


def test_a_person_who_writes_is_seen(make_front, met, store):
    met("1")
    assert Retention(make_front()).erase_silent(SURFACE, days=1) == 0
    assert store.redis.zscore(Keys(SURFACE).people, "1")


class NoWakeups:
    def send(self, conversation):
        """Nobody is to be woken."""


def test_whoever_only_gives_commands_is_not_silent_and_is_erased_when_they_are(make_front, store, met, silent_for):
    front = make_front(everybody_was_told=False, disclosure_hours=0)
    front.__dict__["wakeups"] = NoWakeups()
    met("1")
    silent_for("1", 10)
    for person in ("1", "70077"):
        asyncio.run(Reception(front).receive(incoming("/start", talk(person))))

    assert Retention(front).erase_silent(SURFACE, days=5) == 0
    silent_for("70077", 10)
    assert Retention(front).erase_silent(SURFACE, days=5) == 1
    assert traces(store.redis, "70077") == []


def test_without_a_limit_nobody_is_ever_erased(make_front, store, met, silent_for, memory):
    met("1")
    silent_for("1", 10_000)
    store.add_surface(SURFACE)

    Retention(make_front(retention_days=0)).erase_where_due()

    assert len(memory.recent(talk("1"))) == 1


def test_it_is_done_once_an_hour_however_many_processes_there_are(make_front, store, met, silent_for, memory):
    store.add_surface(SURFACE)
    first, second = Retention(make_front(retention_days=1)), Retention(make_front(retention_days=1))
    first.erase_where_due()
    met("1")
    silent_for("1", 2)

    second.erase_where_due()
    assert len(memory.recent(talk("1"))) == 1

    store.redis.delete(Keys(SURFACE).of_person("hourly", "retention"))
    second.erase_where_due()
    assert memory.recent(talk("1")) == []


def test_more_than_fit_in_one_reading_are_all_erased(make_front, silent_for):
    for person in range(230):
        silent_for(str(person), 9)

    assert Retention(make_front()).erase_silent(SURFACE, days=5) == 230


def files_with(folder, word):
    return [path.name for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]


def test_what_was_erased_is_gone_from_the_files_of_redis_too(make_front, own_redis):
    """Those are written on and on: until Redis writes them anew, the key that was erased stands there still."""
    front, keys = make_front(own_redis.url), Keys(SURFACE)
    front.store.add_surface(SURFACE)
    for person in ("1", "2"):
        front.inbox.accept(incoming("a secret", talk(person)))
    key, other = (front.store.redis.get(keys.of_person(person, "key")) for person in ("1", "2"))
    retention = Retention(front)
    retention.clean_files()
    assert not front.store.redis.exists("companion:rewritten"), "nothing was erased"

    front.people.forget(talk("1"))
    assert files_with(own_redis.folder, key)
    retention.clean_files()

    until(lambda: not files_with(own_redis.folder, key))
    assert files_with(own_redis.folder, other), "others are still there"
    front.people.forget(talk("2"))
    retention.clean_files()
    assert front.store.redis.exists(ERASED), "done at most once an hour, and not forgotten"


@pytest.mark.parametrize("take_back", ["forget", "undo"])
def test_what_was_taken_back_is_gone_from_the_files_of_redis_though_its_person_stays(make_front, own_redis, take_back):
    """Their key stays too, and opens it; and a small file is not written anew by itself."""
    front = make_front(own_redis.url)
    front.inbox.accept(incoming("a secret", talk("1")))
    leases = Leases(front.store, front.vault, lease_seconds=5, memory_turns=9)
    leases.commit(leases.acquire(talk("1")), finished(talk("1")), turn(said="a secret"), "append")
    [sealed] = front.store.redis.lrange(Keys(SURFACE).of(talk("1"), "memory"), 0, -1)
    assert files_with(own_redis.folder, sealed)

    getattr(front.memory, take_back)(talk("1"))
    Retention(front).clean_files()

    until(lambda: not files_with(own_redis.folder, sealed), seconds=20)


def test_a_file_that_is_being_written_anew_already_is_written_once_more(make_front, own_redis):
    """What it is written from was there before the erasing."""
    front = make_front(own_redis.url)
    redis, retention = front.store.redis, Retention(front)
    for person in ("1", "2"):
        front.inbox.accept(incoming("a secret", talk(person)))
    key = redis.get(Keys(SURFACE).of_person("1", "key"))
    redis.config_set("rdb-key-save-delay", 50_000)
    redis.bgrewriteaof()
    front.people.forget(talk("1"))
    retention.clean_files()
    redis.config_set("rdb-key-save-delay", 0)
    until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"])

    redis.delete("companion:rewritten")  # an hour later
    retention.clean_files()

    until(lambda: not files_with(own_redis.folder, key), seconds=20)


def test_a_redis_that_writes_no_file_or_may_not_be_asked_is_left_alone(make_front, own_redis):
    front = make_front(own_redis.url)
    for command in (("ACL", "SETUSER", "default", "-bgrewriteaof"), ("CONFIG", "SET", "appendonly", "no")):
        front.store.redis.execute_command(*command)
        front.store.redis.set(ERASED, "1")
        front.store.redis.delete("companion:rewritten")

        Retention(front).clean_files()

        assert front.store.redis.exists(ERASED), "it may be asked one day"
