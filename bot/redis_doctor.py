"""The checks of `companion doctor` that are about Redis and what is in it: key, workers, waiting lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from bot.core.checks import Check
from bot.core.errors import SettingsError, StoreUnavailable, WrongKey
from bot.core.messages import Conversation, load_line
from bot.core.presence import Presence, WorkerState
from bot.core.settings import Settings
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Vault, key_file, master_key, was_used
from bot.embedded import OLDEST, EmbeddedRedis, find_server

_SOCKET_SECONDS = 2
_MAX_WAIT_SECONDS = 60
_NUM_LOOKED_AT = 200


def url_of(settings: Settings) -> str | None:
    """Where Redis is; None when the embedded one does not run."""
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    server = EmbeddedRedis(settings.data_dir)
    return server.url if server.socket.exists() and server.is_running() else None


@contextmanager
def quick_store(url: str) -> Iterator[Store]:
    """A store that would rather give up than wait. Raises ValueError for what is not a URL of Redis."""
    store = Store(url)
    store.redis = redis.Redis.from_url(
        url, socket_timeout=_SOCKET_SECONDS, socket_connect_timeout=_SOCKET_SECONDS, retry=Retry(NoBackoff(), 0)
    )
    try:
        yield store
    finally:
        store.close()


def redis_is_down(settings: Settings, problem: Exception | None = None) -> Check:
    if settings.redis_url is not None:
        return Check.told("redis", False, "doctor-redis-silent", problem=str(problem))
    try:
        server = find_server()
    except StoreUnavailable as missing:
        return Check.told("redis", False, "doctor-redis-missing", problem=str(missing))
    return Check.told("redis", False, "doctor-redis-stopped", server=server)


def redis_checks(store: Store, settings: Settings) -> Iterator[Check]:
    """Everything that a Redis which answers can tell; raises `RedisError` when it stops answering."""
    info = _info(store)
    yield _version(info)
    yield _persistence(store, info)
    yield _eviction(store)
    key = _key(store, settings)
    yield key
    yield from _workers(store)
    if key.ok:
        yield _waiting(store, settings)


def key_file_check(settings: Settings) -> Check:
    """The memory key by itself: there, readable and nobody else's to read. It is never made here."""
    file = key_file(settings)
    try:
        if settings.memory_key is None and not file.exists():
            return Check.told("memory-key", True, "doctor-key-none", file=str(file))
        master_key(settings)
    except (SettingsError, OSError) as problem:
        return Check.told("memory-key", False, "doctor-key-wrong", problem=str(problem))
    if settings.memory_key is None and file.stat().st_mode & 0o077:
        return Check.told("memory-key", False, "doctor-key-open", file=str(file))
    return Check.told("memory-key", True, "doctor-key-setting" if settings.memory_key else "doctor-key-file", file=str(file))


def worker_here(store: Store) -> Check:
    """The worker on this machine, for a health check."""
    here = [worker for worker in Presence(store).workers() if worker.is_here]
    if not here:
        return Check.told("worker", False, "doctor-worker-not-here")
    return _worker(here[0])


def _info(store: Store) -> dict[str, Any]:
    try:
        return dict(store.redis.info())
    except ResponseError:
        return {}


def _config(store: Store, name: str) -> str | None:
    """One parameter of the server; None when it does not want to be asked, as many that are rented do not."""
    try:
        found: Any = store.redis.config_get(name)
    except ResponseError:
        return None
    value = next(iter(found.values()), None)
    return value.decode() if isinstance(value, bytes) else value


def _version(info: dict[str, Any]) -> Check:
    text = str(info.get("redis_version", ""))
    if not text:
        return Check.told("redis", True, "doctor-redis-no-version")
    version = tuple(int(part) for part in text.split(".")[:2])
    return Check.told("redis", version >= OLDEST, "doctor-redis-version", version=text)


def _persistence(store: Store, info: dict[str, Any]) -> Check:
    name, appendonly = "redis-disk", _config(store, "appendonly")
    if appendonly is None:
        return Check.told(name, True, "doctor-aof-unknown")
    if appendonly != "yes":
        return Check.told(name, False, "doctor-aof-snapshots" if _config(store, "save") else "doctor-aof-nothing")
    if info.get("aof_last_write_status") == "err":
        return Check.told(name, False, "doctor-aof-full")
    return Check.told(name, True, "doctor-aof-kept", fsync=_config(store, "appendfsync") or "?")


def _eviction(store: Store) -> Check:
    policy = _config(store, "maxmemory-policy")
    if policy is None:
        return Check.told("redis-eviction", True, "doctor-eviction-unknown")
    return Check.told("redis-eviction", policy == "noeviction", "doctor-eviction", policy=policy)


def _key(store: Store, settings: Settings) -> Check:
    alone = key_file_check(settings)
    if not alone.ok or not was_used(store):
        return alone
    if settings.memory_key is None and not key_file(settings).exists():
        return Check.told("memory-key", False, "doctor-key-lost", file=str(key_file(settings)))
    try:
        Vault(store, master_key(settings)).check()
    except WrongKey as problem:
        return Check.told("memory-key", False, "doctor-key-wrong", problem=str(problem))
    return Check.told("memory-key", True, "doctor-key-fits", where=alone.detail)


def _workers(store: Store) -> Iterator[Check]:
    workers = Presence(store).workers()
    yield from map(_worker, workers)
    if not workers:
        yield Check.told("worker", False, "doctor-worker-none")


def _worker(worker: WorkerState) -> Check:
    if worker.stage not in ("loading", "warming", "ready"):
        return Check.told("worker", False, "doctor-worker-failed", stage=worker.stage, detail=worker.detail)
    engine = {"stage": worker.stage, "engine": worker.engine, "model": worker.model}
    return Check.told("worker", True, "doctor-worker", busy=worker.busy, slots=worker.slots, **engine)


def _waiting(store: Store, settings: Settings) -> Check:
    """Lines that nobody is answering. Their clock is the platform's; a reply in the making does not count as waiting."""
    now: Any = store.redis.time()
    waits = [now[0] - at for surface in store.surfaces() for at in _waiting_since(store, settings, surface, now[0])]
    if not waits:
        return Check.told("waiting", True, "doctor-nobody-waits")
    is_short, longest = max(waits) <= _MAX_WAIT_SECONDS, f"{max(waits):.0f}"
    return Check.told("waiting", is_short, "doctor-waiting", count=len(waits), seconds=longest)


def _waiting_since(store: Store, settings: Settings, surface: str, now: float) -> Iterator[float]:
    keys, vault = Keys(surface), Vault(store, master_key(settings))
    names: Any = store.redis.zrange(keys.pending, 0, _NUM_LOOKED_AT - 1)
    for conversation in (Conversation.parse(name.decode()) for name in names):
        leased_until: Any = store.redis.hget(keys.of(conversation, "state"), "until")
        oldest: Any = store.redis.lindex(keys.of(conversation, "inbox"), 0)
        if oldest is None or float(leased_until or 0) > now * 1000:
            continue
        with suppress(Forgotten, WrongKey):
            yield load_line(vault.find(conversation).open(oldest, str(conversation))).at
