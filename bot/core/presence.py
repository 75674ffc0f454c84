"""Which workers are alive, and what they run: each says so every few seconds, and falls silent when it dies."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from statistics import fmean
from typing import Any

from bot.core.made import make
from bot.core.store import ROOT, Store

_SECONDS = 3
_NAMES = f"{ROOT}:workers"
EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """`stage` is loading, warming, ready, restarting or failed; `detail` says what with, or why.

    `remark` is a line about the model that people should know; `reply_seconds` is what a reply took of late, 0 if unknown,
    and `reply_spread` how much that differs: its standard deviation, in seconds. `keeps`: its engine keeps what it has read.
    A worker may have several processes, which share its engine: each tells of itself, with its `process` number.
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
    process: int = 0

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
    """A set of names, one for each process of a worker, and for each a value that Redis drops when it is not renewed."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def announce(self, state: WorkerState) -> None:
        name = _name(state.id, state.process)
        self._redis.set(_key(name), json.dumps(asdict(state)), ex=_SECONDS)
        self._redis.sadd(_NAMES, name)

    def leave(self, id: str, process: int = 0) -> None:
        self._redis.delete(_key(_name(id, process)))
        self._redis.srem(_NAMES, _name(id, process))

    def workers(self) -> list[WorkerState]:
        """Each once, with the slots of all its processes."""
        processes = [state for state in self._found().values() if state is not None]
        return [_as_one(list(group)) for _, group in groupby(processes, key=lambda state: state.id)]

    def bury(self) -> list[str]:
        """Those that fell silent without leaving; each is named once."""
        found = self._found()
        gone = [name for name, state in found.items() if state is None and self._redis.srem(_NAMES, name)]
        alive = {state.id for state in found.values() if state is not None}
        return sorted({_worker(name) for name in gone} - alive)

    def _found(self) -> dict[str, WorkerState | None]:
        members: Any = self._redis.smembers(_NAMES)
        return {name: self._state(name) for name in sorted(member.decode() for member in members)}

    def pace(self) -> Pace | None:
        """Of all that are ready, when they are busy; None if that is not known yet."""
        ready = [worker for worker in self.workers() if worker.stage == "ready" and worker.reply_seconds]
        per_second = sum(worker.slots / worker.reply_seconds for worker in ready)
        if not per_second:
            return None
        # By how much of the pace is whose.
        spread = sum(worker.slots * worker.reply_spread / worker.reply_seconds**2 for worker in ready) / per_second
        return Pace(per_second, spread, sum(worker.slots for worker in ready))

    def _state(self, name: str) -> WorkerState | None:
        value: Any = self._redis.get(_key(name))
        return make(WorkerState, json.loads(value)) if value else None


def _as_one(processes: list[WorkerState]) -> WorkerState:
    """The first keeps the engine, and tells of it; how long a reply takes is told by those that have made one."""
    known = [state for state in processes if state.reply_seconds] or processes
    return replace(
        processes[0],
        slots=sum(state.slots for state in processes),
        busy=sum(state.busy for state in processes),
        reply_seconds=fmean(state.reply_seconds for state in known),
        reply_spread=fmean(state.reply_spread for state in known),
    )


def _name(id: str, process: int) -> str:
    return f"{id}:{process:02}" if process else id


def _worker(name: str) -> str:
    return name.partition(":")[0]


def _key(name: str) -> str:
    return f"{ROOT}:worker:{name}"
