"""Everything on one machine: Redis unless a URL is set, a worker, and the adapters that have a token."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec

import structlog
from redis.exceptions import RedisError

from bot.conduct import Conduct
from bot.core.errors import CompanionError, StoreUnavailable
from bot.core.presence import WorkerState
from bot.core.settings import Settings
from bot.core.texts import tell
from bot.embedded import EmbeddedRedis
from bot.run import Front, open_front
from bot.services import Service

log = structlog.get_logger()

Progress = Callable[[str], None]

_POLL_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 2


class WorkerFailed(CompanionError):
    """The worker cannot load its model."""


@dataclass
class Running:
    """What was started, to be kept alive for as long as it is wanted."""

    front: Front
    redis: EmbeddedRedis | None
    worker: Service
    services: list[Service] = field(default_factory=list)

    def keep_alive(self) -> None:
        """Start again what has died; call it every second or so."""
        if self.redis is not None and not self.redis.is_running():
            with suppress(StoreUnavailable):
                self.redis.start()
        with suppress(RedisError):
            self._need_worker()
        for service in self.services:
            service.keep_alive()

    def look_after(self) -> None:
        """The same from then on: what is in the way now, as a full disk or want of memory, may be gone at the next look."""
        try:
            self.keep_alive()
        except OSError as problem:
            log.warning("could not start again what has died", action="retry", error=problem.strerror)

    def stop(self) -> None:
        for service in reversed(self.services):
            service.stop()

    def has_worker(self) -> bool:
        return any(worker.stage == "ready" for worker in self.front.presence.workers())

    def _need_worker(self) -> None:
        """A worker that somebody else had started may have gone with them."""
        if self.worker not in self.services and not self.front.presence.workers():
            self.services.append(self.worker)

    def watch(self) -> None:
        """Keep everything alive until the process is told to end."""
        while True:
            self.look_after()
            time.sleep(_LOOK_SECONDS)


@contextmanager
def everything(settings: Settings, progress: Progress, *, adapters: bool) -> Iterator[Running]:
    """Start all parts, a line of progress for each, and end them all when the block is left."""
    Conduct.of(settings.conduct_file)  # told now if it is broken, not by a child's log
    with ExitStack() as stack:
        running = _start_redis(settings, progress, stack)
        stack.callback(running.stop)
        _start_worker(settings, running, progress)
        if adapters:
            _start_adapters(settings, running, progress)
        yield running


def _start_redis(settings: Settings, progress: Progress, stack: ExitStack) -> Running:
    started_at = time.monotonic()
    server = None
    if settings.redis_url is None:
        server = stack.enter_context(EmbeddedRedis(settings.data_dir))
    url = server.url if server else _set_url(settings)
    front = stack.enter_context(open_front(settings, url))
    seconds = f"{time.monotonic() - started_at:.1f}"
    progress(tell("up-redis", seconds=seconds, folder=str(server.folder)) if server else tell("up-redis-set", seconds=seconds))
    arguments = ["workers", "run", "--with-parent", "--grace", str(_GRACE_SECONDS)]
    return Running(front, server, _service(settings, url, "worker", arguments))


def _set_url(settings: Settings) -> str:
    assert settings.redis_url is not None, "asked for only where it is set"
    return settings.redis_url.get_secret_value()


def _start_worker(settings: Settings, running: Running, progress: Progress) -> None:
    """Use a worker that is alive already, else start one and wait until its model is loaded."""
    started_at = time.monotonic()
    if running.has_worker():
        progress(tell("up-worker-there"))
        return
    if find_spec("workers") is None or (find_spec("transformers") is None and settings.loads_weights):
        raise CompanionError(tell("up-worker-none"))
    running.services.append(running.worker)
    worker = _wait_for_worker(running, progress)
    seconds = f"{time.monotonic() - started_at:.1f}"
    progress(tell("up-worker-ready", seconds=seconds, engine=worker.engine, model=worker.model))
    if worker.remark:
        progress(f"        {worker.remark}")


def _wait_for_worker(running: Running, progress: Progress) -> WorkerState:
    said = ""
    while True:
        running.keep_alive()
        if running.worker.num_deaths:
            raise WorkerFailed(tell("up-worker-ended", words=running.worker.last_words(), log=str(running.worker.log_file)))
        for worker in running.front.presence.workers():
            if worker.stage == "ready":
                return worker
            if worker.stage == "failed":
                raise WorkerFailed(worker.detail)
            news = tell("up-worker", stage=worker.stage, what=worker.detail or worker.model or worker.engine)
            if news != said:
                said = news
                progress(news)
        time.sleep(_POLL_SECONDS)


def _start_adapters(settings: Settings, running: Running, progress: Progress) -> None:
    tokens = {"telegram": settings.telegram_token, "discord": settings.discord_token}
    names = [name for name, token in tokens.items() if token]
    for name in names:
        running.services.append(_service(settings, running.front.redis_url, name, ["bot", "bot", name, "--with-parent"]))
        progress(tell("up-adapter", name=f"{name:7}"))
    running.keep_alive()
    if not names:
        progress(tell("up-adapter-none"))


def _service(settings: Settings, url: str, name: str, arguments: list[str]) -> Service:
    environment = {**os.environ, "COMPANION_REDIS_URL": url, "COMPANION_DATA_DIR": str(settings.data_dir.resolve())}
    return Service(name, arguments, environment, settings.data_dir / "logs" / f"{name}.log")


def to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
