"""The echo engine's loop: one token a step for each request, as an engine with a model would do it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Condition
from time import monotonic

from workers.engines.base import Ended, EngineOptions, Event, Limits, Reason, Request, Tokens
from workers.engines.echo import END, reply

SLOW = 20.0


@dataclass(slots=True)
class _Running:
    request: Request
    ids: Iterator[int]
    pause: float
    due: float
    num_new: int = 0


class EchoEngine:
    """Scripted by its prompts (`reply.py`); needs no model and loads at once."""

    def __init__(self, options: EngineOptions) -> None:
        self.limits = Limits(options.context or 16_384, options.requests or 256)
        self._speed = options.tokens_per_second
        self._waiting: deque[Request] = deque()
        self._running: dict[str, _Running] = {}
        self._ended: list[Event] = []
        self._changed = Condition()

    def submit(self, request: Request) -> None:
        with self._changed:
            if len(request.prompt) + request.max_tokens > self.limits.context:
                self._ended.append(Ended(request.id, "refused", "prompt and reply are longer than the context"))
            else:
                self._waiting.append(request)
            self._changed.notify()

    def cancel(self, id: str) -> None:
        with self._changed:
            num_before = len(self._waiting) + len(self._running)
            self._running.pop(id, None)
            self._waiting = deque(request for request in self._waiting if request.id != id)
            if len(self._waiting) + len(self._running) < num_before:
                self._ended.append(Ended(id, "cancelled"))
            self._changed.notify()

    def step(self, timeout: float) -> list[Event]:
        with self._changed:
            self._changed.wait_for(self._has_work, min(timeout, self._pause()))
            self._admit()
            now = monotonic()
            events, self._ended = self._ended, []
            for running in [running for running in self._running.values() if running.due <= now]:
                running.due = max(running.due + running.pause, now)
                events += self._next(running)
            return events

    def close(self) -> None:
        self._waiting.clear()
        self._running.clear()

    def _has_work(self) -> bool:
        now = monotonic()
        return bool(self._ended or self._waiting) or any(running.due <= now for running in self._running.values())

    def _pause(self) -> float:
        """Seconds until some running request is due."""
        return max(0.0, min((running.due for running in self._running.values()), default=float("inf")) - monotonic())

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.limits.requests:
            request = self._waiting.popleft()
            prompt = reply.read(request.prompt)
            speed = SLOW if "slow" in prompt.directives else self._speed
            self._running[request.id] = _Running(request, reply.write(prompt), 1 / speed if speed else 0.0, monotonic())

    def _next(self, running: _Running) -> list[Event]:
        request = running.request
        id = next(running.ids, END)
        if id == reply.DIE:
            os._exit(70)
        if id in request.stop_ids or id == END:
            return [self._end(request, "stop")]
        running.num_new += 1
        events: list[Event] = [Tokens(request.id, (id,))]
        if running.num_new >= request.max_tokens:
            events.append(self._end(request, "length"))
        return events

    def _end(self, request: Request, reason: Reason) -> Ended:
        del self._running[request.id]
        return Ended(request.id, reason)
