"""Which workers are alive, and what they run: each says so every few seconds, and falls silent when it dies."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from bot.core.store import ROOT, Store

_SECONDS = 3
_NAMES = f"{ROOT}:workers"
EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """`stage` is loading, warming, ready, restarting or failed; `detail` says what with, or why.

    `remark` is a line about the model that people should know; `reply_seconds` is what a reply took of late, 0 if unknown,
    and `reply_spread` how much that differs: its standard deviation, in seconds. `keeps`: its engine keeps what it has read.
    """

    id: str
    stage: str
    detail: str
    engine: str
    model: str
    slots: int
    busy: int
    remark: str = ""
    reply_seconds: float = 0.0
    reply_spread: float = 0.0
    keeps: bool = False

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine: an id is machine-process-random."""
        return self.id.rsplit("-", 2)[0] == os.uname().nodename


@dataclass(frozen=True, slots=True)
class Pace:
    """How many replies are made in a second, in `num_slots` places; `spread` is their standard deviation by their length."""

    per_second: float
    spread: float
    num_slots: int


class Presence:
    """A set of names, and for each name a value that Redis drops when it is not renewed."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def announce(self, state: WorkerState) -> None:
        self._redis.set(_key(state.id), json.dumps(asdict(state)), ex=_SECONDS)
        self._redis.sadd(_NAMES, state.id)

    def leave(self, id: str) -> None:
        self._redis.delete(_key(id))
        self._redis.srem(_NAMES, id)

    def workers(self) -> list[WorkerState]:
        return [state for state in self._found().values() if state is not None]

    def bury(self) -> list[str]:
        """Those that fell silent without leaving; each is named once."""
        gone = [id for id, state in self._found().items() if state is None]
        return [id for id in gone if self._redis.srem(_NAMES, id)]

    def _found(self) -> dict[str, WorkerState | None]:
        members: Any = self._redis.smembers(_NAMES)
        return {id: self._state(id) for id in sorted(member.decode() for member in members)}

    def pace(self) -> Pace | None:
        """Of all that are ready, when they are busy; None if that is not known yet."""
        ready = [worker for worker in self.workers() if worker.stage == "ready" and worker.reply_seconds]
        per_second = sum(worker.slots / worker.reply_seconds for worker in ready)
        if not per_second:
            return None
        # By how much of the pace is whose.
        spread = sum(worker.slots * worker.reply_spread / worker.reply_seconds**2 for worker in ready) / per_second
        return Pace(per_second, spread, sum(worker.slots for worker in ready))

    def _state(self, id: str) -> WorkerState | None:
        value: Any = self._redis.get(_key(id))
        return WorkerState(**json.loads(value)) if value else None


def _key(id: str) -> str:
    return f"{ROOT}:worker:{id}"
