"""Servers behind our contract. To cancel a request's task closes its connection."""

from __future__ import annotations

import asyncio
import sys

from workers.engines.asynchronous import AsyncEngine
from workers.engines.base import Ended, EngineOptions, Event, Limits, Progress, Request
from workers.engines.errors import EngineLoadFailed
from workers.engines.openai.answering import Answering
from workers.engines.openai.fleet import Fleet
from workers.engines.openai.problems import ServerProblem

DEFAULT_CONTEXT, DEFAULT_REQUESTS = 8192, 32
# With every server gone for so long the process ends and is started anew until one is back: people wait in their inboxes
# and are told so, instead of being failed one after the other.
GONE_SECONDS = 10.0


class OpenAIEngine(AsyncEngine):
    """A reply takes a slot of ours while it runs, whichever server makes it."""

    def __init__(self, options: EngineOptions, progress: Progress) -> None:
        super().__init__()
        try:
            self._fleet = self._run(_meet(options, progress))
        except BaseException:
            self._stop()
            raise
        self.limits = _limits(self._fleet, options)
        self._slots = asyncio.Semaphore(self.limits.requests)
        self._answering = Answering(self._fleet, options)
        self._watching = asyncio.run_coroutine_threadsafe(self._fleet.watch(), self._loop)

    def step(self, timeout: float) -> list[Event]:
        events = super().step(timeout)
        if not events and not self._tasks and self._fleet.seconds_gone > GONE_SECONDS:
            raise RuntimeError(f"no server has answered for {GONE_SECONDS:.0f} seconds")
        return events

    async def _answer(self, request: Request) -> Ended:
        async with self._slots:
            return await self._answering.answer(request, self._put)

    async def _leave(self) -> None:
        self._watching.cancel()
        await self._fleet.close()


async def _meet(options: EngineOptions, progress: Progress) -> Fleet:
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
