"""Which workers are alive, and what they run: each says so every few seconds, and falls silent when it dies."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from bot.core.store import ROOT, Store

_SECONDS = 6
EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerState:
    """`stage` is loading, warming, ready, restarting or failed; `detail` says what with, or why.

    `remark` is a line about the model that people should know.
    """

    id: str
    stage: str
    detail: str
    engine: str
    model: str
    slots: int
    busy: int
    remark: str = ""


class Presence:
    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def announce(self, state: WorkerState) -> None:
        self._redis.set(f"{ROOT}:worker:{state.id}", json.dumps(asdict(state)), ex=_SECONDS)

    def leave(self, id: str) -> None:
        self._redis.delete(f"{ROOT}:worker:{id}")

    def workers(self) -> list[WorkerState]:
        names = sorted(self._redis.scan_iter(f"{ROOT}:worker:*", count=1000))
        values: Any = self._redis.mget(names) if names else []
        return [WorkerState(**json.loads(value)) for value in values if value]
