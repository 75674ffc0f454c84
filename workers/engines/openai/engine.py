"""Servers behind our contract. All waiting is done on one event loop in a thread: to cancel a task closes its connection."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from functools import partial
from threading import Condition, Thread
from typing import Any, TypeVar

from bot.core.logs import where
from workers.engines.base import Ended, EngineOptions, Event, Limits, Progress, Request
from workers.engines.errors import EngineLoadFailed
from workers.engines.openai.answering import Answering
from workers.engines.openai.fleet import Fleet
from workers.engines.openai.problems import ServerProblem

DEFAULT_CONTEXT, DEFAULT_REQUESTS = 8192, 32
CLOSE_SECONDS = 3.0
# With every server gone for so long the process ends and is started anew until one is back: people wait in their inboxes
# and are told so, instead of being failed one after the other.
GONE_SECONDS = 10.0

T = TypeVar("T")


class OpenAIEngine:
    """See `base.Engine`. A reply takes a slot of ours while it runs, whichever server makes it."""

    def __init__(self, options: EngineOptions, progress: Progress) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._changed = Condition()
        self._events: list[Event] = []
        self._tasks: dict[str, asyncio.Task[Ended]] = {}
        try:
            self._fleet = self._run(self._meet(options, progress))
        except BaseException:
            self._stop()
            raise
        self.limits = _limits(self._fleet, options)
        self._slots = asyncio.Semaphore(self.limits.requests)
        self._answering = Answering(self._fleet, options)
        self._watching = asyncio.run_coroutine_threadsafe(self._fleet.watch(), self._loop)

    def submit(self, request: Request) -> None:
        if len(request.prompt) + request.max_tokens > self.limits.context:
            self._put(Ended(request.id, "refused", "prompt and reply are longer than the context"))
        elif request.max_tokens < 1:
            self._put(Ended(request.id, "refused", "no token wanted"))
        else:
            self._loop.call_soon_threadsafe(self._begin, request)

    def cancel(self, id: str) -> None:
        self._loop.call_soon_threadsafe(self._cancel, id)

    def step(self, timeout: float) -> list[Event]:
        with self._changed:
            self._changed.wait_for(lambda: self._events, timeout)
            events, self._events = self._events, []
        if not events and not self._tasks and self._fleet.seconds_gone > GONE_SECONDS:
            raise RuntimeError(f"no server has answered for {GONE_SECONDS:.0f} seconds")
        return events

    def close(self) -> None:
        self._watching.cancel()
        self._run(self._leave())
        self._stop()

    async def _meet(self, options: EngineOptions, progress: Progress) -> Fleet:
        fleet = Fleet(options, _tell)
        for server in fleet.servers:
            progress("loading", server.place)
        problems = await fleet.meet()
        if len(problems) == len(fleet.servers):
            await fleet.close()
            raise _none_works(problems)
        for problem in problems:
            _tell(str(problem))
        return fleet

    def _begin(self, request: Request) -> None:
        task = self._tasks[request.id] = self._loop.create_task(self._answer(request))
        # A task that is cancelled before its first step runs none of its code: the end is told from outside.
        task.add_done_callback(partial(self._end, request.id))

    def _cancel(self, id: str) -> None:
        if task := self._tasks.get(id):
            task.cancel()

    async def _answer(self, request: Request) -> Ended:
        async with self._slots:
            return await self._answering.answer(request, self._put)

    def _end(self, id: str, task: asyncio.Task[Ended]) -> None:
        """Whatever happened, one end: a fault of ours must not leave a person without."""
        del self._tasks[id]
        if task.cancelled():
            self._put(Ended(id, "cancelled"))
        elif fault := task.exception():
            self._put(Ended(id, "error", f"{type(fault).__name__} in the openai engine at {where(fault)}"))
        else:
            self._put(task.result())

    async def _leave(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._fleet.close()

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


def _limits(fleet: Fleet, options: EngineOptions) -> Limits:
    """The smallest context that a server tells of or the settings allow: any of them may get the next reply."""
    told = [server.context for server in fleet.servers if server.context]
    return Limits(min([options.context or DEFAULT_CONTEXT, *told]), options.requests or DEFAULT_REQUESTS)


def _none_works(problems: list[ServerProblem]) -> EngineLoadFailed:
    # Only what time alone can mend is tried again; a key or a name has to be set.
    heals = any(problem.again or problem.key == "openai-silent" for problem in problems)
    return EngineLoadFailed("\n".join(dict.fromkeys(map(str, problems))), heals=heals)


def _tell(line: str) -> None:
    """To the worker's log; the engine process has no other."""
    print(f"openai: {line}", file=sys.stderr, flush=True)
