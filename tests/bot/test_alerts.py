"""The owners are told, in private, in their language, once a day for each problem; of broken files the admins too."""

import asyncio
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from bot import alerts
from bot.alerts import Alerts, tell_owners
from bot.core import live
from bot.core.messages import Conversation, Notice
from bot.core.outbox import Outbox
from bot.core.presence import Presence, WorkerState
from bot.core.reload import live_settings
from bot.core.settings import load
from bot.core.store import Keys
from bot.i18n import say
from bot.run import Front
from tests.sayings import SURFACE, incoming, talk

OWNER = "telegram:1001"
TERMINAL = Conversation("console", "local", "ann", "0", "ann")


@pytest.fixture(autouse=True)
def _always_look(monkeypatch):
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _no_disk_is_full(monkeypatch):
    monkeypatch.setattr(alerts, "_LEAST_DISK_BYTES", 0)


def told(front, surface=SURFACE):
    """Whom, and what."""
    outbox = front.outbox(surface)
    outbox.open()
    return [(str(entry.conversation), entry.event.key, entry.event.values) for entry in outbox.fresh(10)]


def looked(front, here=None, times=2):
    front.store.add_surface(SURFACE)
    watch = Alerts(front, here)
    for _ in range(times):
        watch.look()
    return watch


def test_each_owner_of_the_platform_is_told_in_private_and_once(make_front, inbox):
    front = make_front(owners="telegram:1001,telegram:7,discord:5", admins="telegram:8")
    inbox.accept(incoming(conversation=talk(chat="-100")))
    inbox.accept(incoming())

    assert tell_owners(front, SURFACE, "alert-dead")
    assert not tell_owners(front, SURFACE, "alert-dead"), "the same day"
    assert tell_owners(front, SURFACE, "alert-disk", folder="/x"), "another problem"

    assert told(front) == [
        (str(talk()), "alert-dead", {}),
        (str(talk("7")), "alert-dead", {}),
        (str(talk()), "alert-disk", {"folder": "/x"}),
        (str(talk("7")), "alert-disk", {"folder": "/x"}),
    ]
    assert all(0 < front.store.redis.ttl(name) <= 24 * 3600 for name in front.store.redis.keys("*:alert:*"))


def test_of_a_broken_file_admins_are_told_too_and_nobody_twice(make_front):
    front = make_front(owners="telegram:7", admins="telegram:8,telegram:7,discord:9")
    assert tell_owners(front, SURFACE, "alert-persona", problem="x.toml: what?")

    assert [name for name, _, _ in told(front)] == [str(talk("7")), str(talk("8"))]


def test_without_an_owner_nobody_is_told_and_a_later_one_is(make_front):
    assert not tell_owners(make_front(), SURFACE, "alert-dead")
    assert tell_owners(make_front(owners=OWNER), SURFACE, "alert-dead")


@pytest.mark.parametrize(
    ("owners", "is_told"), [("", True), ("telegram:7", True), ("console:ann", True), ("console:bob", False)]
)
def test_who_sits_at_the_terminal_is_told_unless_the_settings_name_who_owns_it(make_front, owners, is_told):
    front = make_front(owners=owners)

    assert tell_owners(front, TERMINAL.surface, "alert-dead", TERMINAL) is is_told


@pytest.fixture
def live_front(make_front, tmp_path):
    """As a running process has it: its settings follow companion.toml."""
    (tmp_path / "personas").mkdir()
    Path("companion.toml").write_text(f'owners = ["{OWNER}"]')
    fixed = make_front(persona_dir=tmp_path / "personas", conduct_file=_conduct(tmp_path))
    front = Front(live_settings(fixed.settings), fixed.redis_url)
    yield front
    front.store.close()


def _conduct(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("signs = []")
    return file


@pytest.mark.parametrize(
    ("key", "name", "good", "bad"),
    [
        ("alert-persona", "personas/pip.toml", None, "title = "),
        ("alert-conduct", "own.toml", "signs = []", "signs = ["),
        ("alert-settings", "companion.toml", f'owners = ["{OWNER}"]', "inbox_lines = 0"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_broken_file_is_told_of_once_with_its_name_and_what_is_wrong(live_front, tmp_path, key, name, good, bad, language):
    live_front.personas, live_front.conduct  # noqa: B018  # as they were at the start
    (tmp_path / name).write_text(bad)

    looked(live_front, times=4)

    [(whom, told_key, values)] = told(live_front)
    assert (whom, told_key) == (str(talk()), key)
    assert Path(name).name.removesuffix(".toml") in values["problem"].lower()
    assert values["problem"] in say(language, key, **values)
    if good is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(good)
    looked(live_front)
    assert told(live_front) == []


def test_a_file_that_is_half_written_at_one_look_is_not_told_of(live_front, tmp_path):
    live_front.personas  # noqa: B018
    watch = Alerts(live_front)
    live_front.store.add_surface(SURFACE)
    (tmp_path / "personas" / "pip.toml").write_text("title = ")
    watch.look()
    (tmp_path / "personas" / "pip.toml").write_text('title = "Pip"\ndescription = "A."\ngreeting = "Hi"')
    watch.look()
    watch.look()

    assert told(live_front) == []


def test_secrets_are_never_in_an_alert(live_front, tmp_path):
    secret = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    (tmp_path / "companion.toml").write_text(f'telegram_token = ["{secret}"]')

    looked(live_front)

    [(_, key, values)] = told(live_front)
    assert key == "alert-settings"
    assert secret not in values["problem"]


def test_a_message_put_aside_is_told_of(make_front):
    front = make_front(owners=OWNER)
    looked(front)
    assert told(front) == []

    front.store.redis.hset(Keys(SURFACE).dead, "t1", b"x")
    looked(front)

    assert told(front) == [(str(talk()), "alert-dead", {})]


def test_no_worker_for_long_while_people_wait_is_told_of(make_front, monkeypatch, inbox):
    front = make_front(owners=OWNER)
    monkeypatch.setattr(alerts, "_NO_WORKER_SECONDS", 0.0)
    looked(front)
    assert told(front) == [], "nobody waits"

    inbox.accept(incoming(conversation=talk("5")))
    Presence(front.store).announce(WorkerState("a-1-b", "ready", "", "echo", "bundled", 32, 0))
    looked(front)
    assert told(front) == [], "a worker is there"

    Presence(front.store).leave("a-1-b")
    looked(front)
    assert [key for _, key, _ in told(front)] == ["alert-worker"]


def test_no_worker_for_a_moment_is_not(make_front, inbox):
    front = make_front(owners=OWNER)
    inbox.accept(incoming())
    looked(front)
    assert told(front) == []


def test_a_disk_that_is_nearly_full_is_told_of(make_front, monkeypatch):
    monkeypatch.setattr(alerts, "_LEAST_DISK_BYTES", 2**70)
    front = make_front(owners=OWNER)
    looked(front)
    assert [key for _, key, _ in told(front)] == ["alert-disk"]

    elsewhere = make_front(owners=OWNER, redis_url="redis://elsewhere")
    front.store.redis.flushall()
    looked(elsewhere)
    assert told(elsewhere) == [], "another machine's disk is its own matter"


def test_a_terminals_problems_are_its_own_and_others_leave_it_alone(make_front, monkeypatch):
    monkeypatch.setattr(alerts, "_LEAST_DISK_BYTES", 2**70)
    front = make_front(owners=OWNER)
    front.store.add_surface(TERMINAL.surface)

    looked(front)
    assert told(front, TERMINAL.surface) == []
    looked(front, TERMINAL)
    assert [whom for whom, _, _ in told(front, TERMINAL.surface)] == [str(TERMINAL)]


@pytest.mark.parametrize("fails_for", [0, 1])
def test_owners_are_told_although_redis_went_away_while_they_were(make_front, monkeypatch, fails_for):
    front, add, added = make_front(owners="telegram:1001,telegram:7"), Outbox.add, []
    looked(front)
    watch = looked(front)
    front.store.redis.hset(Keys(SURFACE).dead, "t1", b"x")

    def breaks_once(*given, **where):
        added.append(None)
        if len(added) == fails_for + 1:
            raise RedisError
        add(*given, **where)

    monkeypatch.setattr(Outbox, "add", breaks_once)
    with pytest.raises(RedisError):
        watch.look()
    watch.look()
    watch.look()

    assert [whom for whom, _, _ in told(front)] == [str(talk()), str(talk("7"))]


def test_a_redis_that_is_away_ends_nothing(own_redis, make_front, monkeypatch):
    import os
    import signal

    front = make_front(url=own_redis.url)
    monkeypatch.setattr(alerts, "_LOOK_SECONDS", 0.01)
    os.kill(front.store.redis.info()["process_id"], signal.SIGKILL)

    async def watch():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Alerts(front).watch(), 3)

    asyncio.run(watch())


def test_whatever_goes_wrong_once_the_next_problem_is_told(make_front, monkeypatch):
    monkeypatch.setattr(alerts, "_LOOK_SECONDS", 0.01)
    watcher, looks = Alerts(make_front()), []

    def look():
        looks.append(None)
        if len(looks) == 1:
            raise ValueError("no number")

    monkeypatch.setattr(watcher, "look", look)

    async def watch():
        watching = asyncio.create_task(watcher.watch())
        while len(looks) < 3 and not watching.done():
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(watch())
    assert len(looks) >= 3


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("key", ["alert-dead", "alert-disk", "alert-worker", "alert-persona"])
def test_an_alert_reaches_the_owner_in_words(make_front, people, key, language):
    from bot.delivery import Delivery

    front = make_front(owners=OWNER, language=language)
    values = {"alert-disk": {"folder": "/x"}, "alert-worker": {"minutes": 5}, "alert-persona": {"problem": "pip.toml"}}
    tell_owners(front, SURFACE, key, **values.get(key, {}))
    outbox = front.outbox(SURFACE)
    outbox.open()
    [entry] = outbox.fresh(10)
    assert isinstance(entry.event, Notice)

    reply = Delivery(outbox, None, front.language)._words(entry, is_repeat=False)

    assert reply.remarks == (say(language, key, **values.get(key, {})),)
    assert reply.is_notice


def test_settings_given_plainly_never_change(make_front):
    front = make_front(owners=OWNER)
    Path("companion.toml").write_text("inbox_lines = 3")
    assert front.settings.inbox_lines == load(inbox_lines=50).inbox_lines
