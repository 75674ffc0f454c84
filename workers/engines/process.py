"""The engine in a process of its own, seen from the worker: ask from any thread, read tokens as they come.

The engine process may die or hang at any time: who waits gets `EngineDied` at once, and a new one is started.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any, Literal, Self

from bot.core.metrics import ENGINE_RESTARTS
from workers.engines.base import EngineOptions, Limits, Progress, Request, Stats
from workers.engines.errors import EngineLoadFailed, EngineNotReady
from workers.engines.generation import Generation
from workers.engines.life import Life
from workers.engines.link import Link, visit
from workers.measures import EngineMeasures
from workers.texts import language, say

HEARTBEAT_SECONDS = 10.0
# Imports and compilers can keep the heart from beating, but not for this long.
LOADING_HEARTBEAT_SECONDS = 120.0
CLOSE_SECONDS = 3.0
BACK_OFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# After being ready for this long, a death counts as the first again.
STEADY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class EngineState:
    """Where the engine is, in one word and in a sentence; with its limits once it is ready."""

    name: Literal["loading", "warming", "ready", "restarting", "failed", "closed"]
    detail: str = ""
    limits: Limits | None = None
    pid: int | None = None


class EngineProcess:
    """Starts the engine of `options` and keeps it alive; `on_progress` hears each stage, on a thread of ours.

    `door` is a socket that listens: there the engine takes in other processes. Such a one gives its address as `keeper`: then
    the engine is another's to start and to end, and when that one has a new engine, this one has it too.
    """

    def __init__(
        self,
        options: EngineOptions,
        on_progress: Progress = lambda stage, detail: None,
        heartbeat: float = HEARTBEAT_SECONDS,
        door: socket | None = None,
        keeper: Path | None = None,
    ) -> None:
        self._options, self._on_progress, self._heartbeat = options, on_progress, heartbeat
        self._begin = partial(visit, keeper) if keeper else partial(Life, options, door)
        self._is_ours = keeper is None
        self._changed = Condition()
        self._state = EngineState("loading")
        self._trouble = ""
        self._life: Link | None = None
        self._measures = EngineMeasures()
        self._closing = Event()
        self._threads = [Thread(target=run, daemon=True) for run in (self._keep_alive, self._watch)]
        for thread in self._threads:
            thread.start()

    @property
    def state(self) -> EngineState:
        return self._state

    def wait_ready(self, timeout: float) -> Limits:
        """Wait until the model is loaded; raises `EngineNotReady` after `timeout` seconds, or `EngineLoadFailed`."""
        return self._when_ready(timeout)[1]

    def generate(self, request: Request, timeout: float = 120.0) -> Generation:
        """Begin one reply, waiting up to `timeout` seconds for an engine; raises as `wait_ready` does."""
        return self._when_ready(timeout)[0].begin(request)

    def forget(self, conversation: str | None) -> None:
        """Have the engine keep nothing of what was said there, or anywhere; one that is not ready keeps nothing."""
        if self._life and self._state.name == "ready":
            self._life.forget(conversation)

    def close(self) -> None:
        """End the engine process; open replies raise `EngineDied`. Returns when the process is gone."""
        self._closing.set()
        if self._life:
            # One that hangs may have more to read than the wire holds: then to ask takes until it is killed.
            Thread(target=self._life.ask_to_close, daemon=True).start()
        self._threads[0].join(CLOSE_SECONDS)
        if self._life:
            self._life.kill()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _when_ready(self, timeout: float) -> tuple[Link, Limits]:
        with self._changed:
            self._changed.wait_for(lambda: self._state.name in ("ready", "failed", "closed"), timeout)
            state, life = self._state, self._life
        if state.limits and life:
            return life, state.limits
        if state.name == "failed":
            raise EngineLoadFailed(state.detail)
        told = say(language(), "engine-not-ready", stage=state.name)
        raise EngineNotReady(f"{told} {self._trouble}".strip())

    def _become(self, state: EngineState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def _keep_alive(self) -> None:
        num_deaths = 0
        while not self._closing.wait(back_off(num_deaths)):
            seconds_ready = self._live()
            if self._state.name == "failed":
                return
            num_deaths = 1 if seconds_ready > STEADY_SECONDS else num_deaths + 1
        self._become(EngineState("closed"))

    def _live(self) -> float:
        """One life of the engine process, from start to end; how long it was ready, in seconds."""
        try:
            life = self._life = self._begin()
        except OSError as error:
            self._restart(say(language(), "engine-not-started", problem=str(error)))
            return 0.0
        self._measures = EngineMeasures()
        self._hear(life, {"stage": "loading", "detail": self._options.model})
        ready_at = None
        for message in life.messages():
            self._hear(life, message)
            if "ready" in message:
                ready_at = monotonic()
            if self._closing.is_set():
                life.ask_to_close()
        if self._state.name not in ("failed", "restarting"):
            # Said before those who wait hear of it, so that asking again waits for the next life.
            self._restart(say(language(), "engine-ended"))
        life.bury()
        return monotonic() - ready_at if ready_at else 0.0

    def _hear(self, life: Link, message: dict[str, Any]) -> None:
        if "beat" in message:
            self._measures.take(Stats(**message["beat"]))
        elif "stage" in message:
            self._become(EngineState(message["stage"], message["detail"], pid=life.pid))
            self._on_progress(message["stage"], message["detail"])
        elif "ready" in message:
            self._become(EngineState("ready", self._options.model, Limits(**message["ready"]), life.pid))
            self._on_progress("ready", self._options.model)
        elif message["heals"]:
            self._restart(message["failed"])
        else:
            self._become(EngineState("failed", message["failed"]))

    def _restart(self, trouble: str) -> None:
        if self._is_ours and not self._closing.is_set():
            ENGINE_RESTARTS.inc()
        self._trouble = trouble
        self._become(EngineState("restarting", trouble))

    def _watch(self) -> None:
        pause = self._heartbeat / 8
        woke_at = monotonic()
        while not self._closing.wait(pause):
            last, woke_at = woke_at, monotonic()
            # Having been stopped ourselves, we have yet to read what the engine said meanwhile.
            if woke_at - last < 2 * pause and self._life and self._is_silent(self._life, woke_at):
                self._life.kill()

    def _is_silent(self, life: Link, now: float) -> bool:
        limit = self._heartbeat if self._state.name == "ready" else max(self._heartbeat, LOADING_HEARTBEAT_SECONDS)
        return now - life.heard_at > limit


def back_off(num_deaths: int) -> float:
    """Seconds to wait before the next start; the first start and the first restart are at once."""
    return BACK_OFF[min(num_deaths, len(BACK_OFF)) - 1] if num_deaths else 0.0
