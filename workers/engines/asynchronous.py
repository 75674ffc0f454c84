"""Engines that wait for somebody else: a request is a task on an event loop in a thread, and to cancel it is to cancel that."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from functools import partial
from threading import Condition, Thread
from typing import Any, TypeVar

from bot.core.logs import where
from workers.engines.base import Ended, Event, Limits, Request

CLOSE_SECONDS = 3.0

T = TypeVar("T")


class AsyncEngine(ABC):
    """See `base.Engine`. A subclass has `limits` and answers: tokens go to `_put`, the end is given."""

    limits: Limits

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._changed = Condition()
        self._events: list[Event] = []
        self._tasks: dict[str, asyncio.Task[Ended]] = {}

    @abstractmethod
    async def _answer(self, request: Request) -> Ended: ...

    @abstractmethod
    async def _leave(self) -> None:
        """Called on the loop when no request is left."""

    def submit(self, request: Request) -> None:
        if refusal := self._refusal(request):
            self._put(Ended(request.id, "refused", refusal))
        else:
            self._loop.call_soon_threadsafe(self._begin, request)

    def cancel(self, id: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, id)

    def step(self, timeout: float) -> list[Event]:
        with self._changed:
            self._changed.wait_for(lambda: self._events, timeout)
            events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._run(self._end_all())
        self._stop()

    def _refusal(self, request: Request) -> str:
        if not request.prompt or request.max_tokens < 1:
            return "an empty prompt, or no token wanted"
        if len(request.prompt) + request.max_tokens > self.limits.context:
            return "prompt and reply are longer than the context"
        return ""

    def _begin(self, request: Request) -> None:
        task = self._tasks[request.id] = self._loop.create_task(self._answer(request))
        # A task that is cancelled before its first step runs none of its code: the end is told from outside.
        task.add_done_callback(partial(self._end, request.id))

    def _cancel(self, id: str) -> None:
        if task := self._tasks.get(id):
            task.cancel()

    def _end(self, id: str, task: asyncio.Task[Ended]) -> None:
        """Whatever happened, one end: a fault of ours must not leave a person without."""
        del self._tasks[id]
        if task.cancelled():
            self._put(Ended(id, "cancelled"))
        elif fault := task.exception():
            self._put(Ended(id, "error", f"{type(fault).__name__} at {where(fault)}"))
        else:
            self._put(task.result())

    async def _end_all(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._leave()

    def _put(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify()

    def _run(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    def _stop(self) -> None:
        self._run(_settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._loop.is_running():
            self._loop.close()


async def _settle() -> None:
    """Let everything that was left in the middle come to its end."""
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
