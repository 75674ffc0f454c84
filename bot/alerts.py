"""What whoever runs the bot is told by the bot itself: broken files, messages put aside, no worker, a disk nearly full."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import structlog
from redis.exceptions import RedisError

from bot.core.errors import CompanionError
from bot.core.live import Live
from bot.core.logs import where
from bot.core.messages import Conversation, Notice
from bot.core.store import Keys
from bot.run import Front

log = structlog.get_logger()

_LOOK_SECONDS = 2.0
_NO_WORKER_SECONDS = 300.0
_LEAST_DISK_BYTES = 512 * 1024**2
_AGAIN_SECONDS = 24 * 3600
_PROBLEM_CHARS = 300
# Broken files: who changed one may be an admin and no owner.
_FOR_ADMINS = ("alert-settings", "alert-persona", "alert-conduct")


@dataclass(frozen=True)
class Alert:
    """A text `alert-…` and what goes into it. Two with the same of both are one problem."""

    key: str
    values: dict[str, str | int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return hashlib.blake2b(json.dumps([self.key, self.values]).encode(), digest_size=8).hexdigest()


def tell_owners(front: Front, surface: str, key: str, here: Conversation | None = None, **values: str | int) -> bool:
    """Put it into the outbox for the owners on that surface, and what admins can mend for them too; once a day for each
    different problem. `here` is the terminal.

    False when there is nobody to tell, or they were told already.
    """
    alert, owners = Alert(key, values), list(_owners(front, surface, here, with_admins=key in _FOR_ADMINS))
    name = Keys(surface).of_person(alert.id, "alert")
    outbox = front.outbox(surface)

    def add(pipe: Any) -> bool:
        if not owners or pipe.exists(name):
            return False
        pipe.multi()
        pipe.set(name, "1", ex=_AGAIN_SECONDS)
        for owner in owners:
            outbox.add(owner, Notice(str(owner), key, values), on=pipe)
        return True

    # In one step: who is noted as told is.
    return bool(front.store.redis.transaction(add, name, value_from_callable=True))  # type: ignore[arg-type]  # the stub knows no value


def _owners(front: Front, surface: str, here: Conversation | None, *, with_admins: bool) -> Iterator[Conversation]:
    """Where each can be told: in private. At a terminal that is whoever sits there, unless the settings name who owns it."""
    platform, _, bot = surface.partition(":")
    names = dict.fromkeys((*front.settings.owners, *(front.settings.admins if with_admins else ())))
    people = [person for place, _, person in (name.partition(":") for name in names) if place == platform]
    if here is not None and here.surface == surface and (not people or here.person in people):
        yield here
        return
    for person in people if platform != "console" else ():
        private = Conversation(platform, bot, person, "0", person)
        known = front.people.conversations(private)
        yield next((one for one in known if one.chat == person), private)


class Alerts:
    """Looks every few seconds. Any number of processes may: people hear of a problem once.

    The terminal's own is made with `here`; all others look after every surface that is no terminal.
    """

    def __init__(self, front: Front, here: Conversation | None = None) -> None:
        self._front, self._here = front, here
        self._suspected: set[str] = set()
        self._without_worker_since: float | None = None
        self._num_dead: dict[str, int] = {}

    async def watch(self) -> None:
        """For ever; nothing that goes wrong here may end the process."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except (RedisError, OSError, CompanionError) as problem:
                log.info("could not look for problems", action="retry", error=str(problem))
            except Exception as problem:  # the next problem is still to be told
                log.error("could not look for problems", action="retry", error=type(problem).__name__, where=where(problem))
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """One look at everything. A file is told of when it is still broken at the next: it may be half written."""
        broken = [*self._broken_files()]
        certain = [alert for alert in broken if alert.id in self._suspected]
        self._suspected = {alert.id for alert in broken}
        for surface in self._surfaces():
            # Each is told before the next is looked for, and before it is noted.
            for alert in chain(certain, self._disk(), self._worker(surface), self._dead(surface)):
                tell_owners(self._front, surface, alert.key, self._here, **alert.values)

    def _surfaces(self) -> Iterable[str]:
        if self._here is not None:
            return [self._here.surface]
        return [surface for surface in self._front.store.surfaces() if not surface.startswith("console:")]

    def _broken_files(self) -> Iterator[Alert]:
        front = self._front
        if problem := _problem(front.given):
            yield Alert("alert-settings", _told(problem))
        if problem := _problem(front.personas.live):
            yield Alert("alert-persona", _told(problem))
        if problem := _problem(front.live_conduct):
            yield Alert("alert-conduct", _told(problem))

    def _disk(self) -> Iterator[Alert]:
        """Ours only: a Redis on another machine has a disk of its own."""
        folder, url = self._front.settings.data_dir, self._front.settings.redis_url
        is_ours = url is None or url.get_secret_value().startswith("unix:")
        if is_ours and shutil.disk_usage(folder).free < _LEAST_DISK_BYTES:
            yield Alert("alert-disk", {"folder": str(folder)})

    def _worker(self, surface: str) -> Iterator[Alert]:
        if self._front.presence.workers():
            self._without_worker_since = None
            return
        if self._without_worker_since is None:
            self._without_worker_since = time.monotonic()
        is_long = time.monotonic() - self._without_worker_since >= _NO_WORKER_SECONDS
        if is_long and self._front.store.redis.exists(Keys(surface).pending):
            yield Alert("alert-worker", {"minutes": round(_NO_WORKER_SECONDS / 60)})

    def _dead(self, surface: str) -> Iterator[Alert]:
        num: Any = self._front.store.redis.hlen(Keys(surface).dead)
        if num > self._num_dead.get(surface, 0):
            yield Alert("alert-dead")
        self._num_dead[surface] = num


def _problem(given: object) -> str:
    if not isinstance(given, Live):
        return ""
    given.fresh()
    return str(given.problem)


def _told(problem: str) -> dict[str, str | int]:
    return {"problem": problem if len(problem) <= _PROBLEM_CHARS else f"{problem[:_PROBLEM_CHARS]}…"}
