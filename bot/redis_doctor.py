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
        return Check("redis", False, f"does not answer: {problem}", "start it, or mend COMPANION_REDIS_URL")
    try:
        server = find_server()
    except StoreUnavailable as missing:
        return Check("redis", False, str(missing))
    return Check("redis", False, f"the embedded one ({server}) does not run", "companion up")


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
            return Check("memory key", True, f"none yet; the first start makes {file}")
        master_key(settings)
    except (SettingsError, OSError) as problem:
        return Check("memory key", False, str(problem))
    if settings.memory_key is None and file.stat().st_mode & 0o077:
        return Check("memory key", False, f"others on this machine can read {file}", f"chmod 600 {file}")
    return Check("memory key", True, "COMPANION_MEMORY_KEY" if settings.memory_key else f"{file}, readable by you alone")


def worker_here(store: Store) -> Check:
    """The worker on this machine, for a health check."""
    here = [worker for worker in Presence(store).workers() if worker.is_here]
    if not here:
        return Check("worker", False, "none has said anything on this machine for some seconds")
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
        return Check("redis", True, "answers; its version could not be asked")
    version = tuple(int(part) for part in text.split(".")[:2])
    return Check("redis", version >= OLDEST, f"answers, version {text}", "install redis-server 6.2 or newer")


def _persistence(store: Store, info: dict[str, Any]) -> Check:
    name, appendonly = "redis on disk", _config(store, "appendonly")
    if appendonly is None:
        return Check(name, True, "could not be asked; make sure that this server keeps its data (appendonly yes)")
    if appendonly != "yes":
        kept = "only snapshots: a crash loses what came after the last" if _config(store, "save") else "nothing is kept"
        return Check(name, False, kept, "redis-cli config set appendonly yes, and the same in redis.conf")
    if info.get("aof_last_write_status") == "err":
        return Check(name, False, "it cannot write any more", "free some space on its disk")
    return Check(name, True, f"append-only file, fsync {_config(store, 'appendfsync')}")


def _eviction(store: Store) -> Check:
    name, policy = "redis eviction", _config(store, "maxmemory-policy")
    if policy is None:
        return Check(name, True, "could not be asked; make sure that maxmemory-policy is noeviction")
    fix = "redis-cli config set maxmemory-policy noeviction, and the same in redis.conf"
    return Check(name, policy == "noeviction", f"maxmemory-policy is {policy}", fix)


def _key(store: Store, settings: Settings) -> Check:
    alone = key_file_check(settings)
    if not alone.ok or not was_used(store):
        return alone
    if settings.memory_key is None and not key_file(settings).exists():
        what = f"{key_file(settings)} is missing, and what is stored cannot be read without it"
        return Check("memory key", False, what, "restore the file from your backup, or set COMPANION_MEMORY_KEY")
    try:
        Vault(store, master_key(settings)).check()
    except WrongKey as problem:
        return Check("memory key", False, str(problem))
    return Check("memory key", True, f"{alone.detail}; it fits what is stored")


def _workers(store: Store) -> Iterator[Check]:
    workers = Presence(store).workers()
    yield from map(_worker, workers)
    if not workers:
        yield Check("worker", False, "none is alive, so nobody answers", "companion up, or companion worker")


def _worker(worker: WorkerState) -> Check:
    what = f"{worker.stage}, {worker.engine} engine, model {worker.model}, {worker.busy} of {worker.slots} replies running"
    if worker.stage in ("loading", "warming", "ready"):
        return Check("worker", True, what)
    return Check("worker", False, f"{worker.stage}: {worker.detail}", "python -m workers doctor")


def _waiting(store: Store, settings: Settings) -> Check:
    """Lines that nobody is answering. Their clock is the platform's; a reply in the making does not count as waiting."""
    now: Any = store.redis.time()
    waits = [now[0] - at for surface in store.surfaces() for at in _waiting_since(store, settings, surface, now[0])]
    longest = max(waits, default=0.0)
    what = f"{len(waits)} conversation(s) wait for an answer, the longest for {longest:.0f} s" if waits else "nobody waits"
    fix = "look at the worker's log; if it is only slow, run more workers or a smaller model"
    return Check("waiting", longest <= _MAX_WAIT_SECONDS, what, fix)


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
