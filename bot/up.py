"""Everything on one machine: Redis unless a URL is set, a worker, and the adapters that have a token."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec

from redis.exceptions import RedisError

from bot.core.errors import CompanionError, StoreUnavailable
from bot.core.presence import Presence, WorkerState
from bot.core.settings import Settings
from bot.core.store import Store
from bot.embedded import EmbeddedRedis
from bot.services import Service

Progress = Callable[[str], None]

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 2


class WorkerFailed(CompanionError):
    """The worker cannot load its model."""


@dataclass
class Running:
    """What was started, to be kept alive for as long as it is wanted."""

    redis_url: str
    redis: EmbeddedRedis | None
    services: list[Service] = field(default_factory=list)

    def keep_alive(self) -> None:
        """Start again what has died; call it every second or so."""
        if self.redis is not None and not self.redis.is_running():
            with suppress(StoreUnavailable):
                self.redis.start()
        for service in self.services:
            service.keep_alive()

    def watch(self) -> None:
        """Keep everything alive until the process is told to end."""
        while True:
            self.keep_alive()
            time.sleep(_LOOK_SECONDS)


@contextmanager
def everything(settings: Settings, progress: Progress, *, adapters: bool) -> Iterator[Running]:
    """Start all parts, a line of progress for each, and end them all when the block is left."""
    with ExitStack() as stack:
        running = _start_redis(settings, progress, stack)
        _start_worker(settings, running, progress, stack)
        if adapters:
            _start_adapters(settings, running, progress, stack)
        yield running


def _start_redis(settings: Settings, progress: Progress, stack: ExitStack) -> Running:
    started_at = time.monotonic()
    if settings.redis_url is not None:
        running = Running(settings.redis_url.get_secret_value(), None)
    else:
        server = stack.enter_context(EmbeddedRedis(settings.data_dir))
        running = Running(server.url, server)
    _ping(running.redis_url)
    where = f"data in {running.redis.folder}" if running.redis else "the one that is set"
    progress(f"redis   ready after {time.monotonic() - started_at:.1f} s, {where}")
    return running


def _ping(url: str) -> None:
    store = Store(url)
    try:
        store.redis.ping()
    except RedisError as problem:
        raise StoreUnavailable(f"{StoreUnavailable.__doc__} ({problem})") from problem
    finally:
        store.close()


def _start_worker(settings: Settings, running: Running, progress: Progress, stack: ExitStack) -> None:
    """Use a worker that is alive already, else start one and wait until its model is loaded."""
    started_at = time.monotonic()
    store = stack.enter_context(_opened(running.redis_url))
    presence = Presence(store)
    if any(worker.stage == "ready" for worker in presence.workers()):
        progress("worker  ready, one was running already")
        return
    if find_spec("workers") is None:
        raise CompanionError("no worker runs, and this installation has none: `pip install 'companion[worker]'`")
    _add(running, stack, settings, "worker", ["workers", "run", "--with-parent", "--grace", str(_GRACE_SECONDS)])
    worker = _wait_for_worker(presence, running, progress)
    progress(f"worker  ready after {time.monotonic() - started_at:.1f} s, {worker.engine} engine, model {worker.model}")


def _wait_for_worker(presence: Presence, running: Running, progress: Progress) -> WorkerState:
    said = ""
    while True:
        for worker in presence.workers():
            if worker.stage == "ready":
                return worker
            if worker.stage == "failed":
                raise WorkerFailed(worker.detail)
            if worker.stage != said:
                said = worker.stage
                progress(f"worker  {worker.stage} {worker.model} …")
        running.keep_alive()
        time.sleep(_POLL_SECONDS)


def _start_adapters(settings: Settings, running: Running, progress: Progress, stack: ExitStack) -> None:
    tokens = {"telegram": settings.telegram_token, "discord": settings.discord_token}
    names = [name for name, token in tokens.items() if token]
    for name in names:
        _add(running, stack, settings, name, ["bot", "bot", name, "--with-parent"])
        progress(f"{name:8}started")
    if not names:
        progress("no adapter: set COMPANION_TELEGRAM_TOKEN or COMPANION_DISCORD_TOKEN; `companion chat` needs none")


def _add(running: Running, stack: ExitStack, settings: Settings, name: str, arguments: list[str]) -> None:
    environment = {**os.environ, "COMPANION_REDIS_URL": running.redis_url}
    service = Service(name, arguments, environment, settings.data_dir / "logs" / f"{name}.log")
    running.services.append(service)
    stack.callback(service.stop)
    service.keep_alive()


@contextmanager
def _opened(url: str) -> Iterator[Store]:
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


def to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
