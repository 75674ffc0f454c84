"""Work that only pleases the eye, and gives way: a final waits for one call of it that is on the wire, and for no more.

The library waits within calls, for limits and before it tries again. A call that is on the wire is never broken off:
Discord might take it after what follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from bot.core.messages import Conversation

Work = Callable[[], Awaitable[None]]


class Errand:
    """Once it is hurried, it ends where it would only wait."""

    def __init__(self, work: Work) -> None:
        self._is_waiting = self._is_hurried = False
        self.task = asyncio.create_task(self._run(work))

    async def _run(self, work: Work) -> None:
        _current.set(self)
        await work()

    def hurry(self) -> None:
        self._is_hurried = True
        self._look()

    def waits(self, is_waiting: bool) -> None:
        self._is_waiting = is_waiting
        self._look()

    def _look(self) -> None:
        if self._is_hurried and self._is_waiting:
            self.task.cancel()


_current: ContextVar[Errand | None] = ContextVar("errand", default=None)


def is_errand() -> bool:
    """Whether what runs here is one."""
    return _current.get() is not None


def tell_errand(*, is_waiting: bool) -> None:
    """Whether the errand that runs here, if one does, does no more than wait."""
    if (errand := _current.get()) is not None:
        errand.waits(is_waiting)


class Errands:
    """Those under way, by conversation."""

    def __init__(self) -> None:
        self._under_way: dict[Conversation, set[Errand]] = {}

    def begin(self, where: Conversation, work: Work) -> asyncio.Task[None]:
        errand, mine = Errand(work), self._under_way.setdefault(where, set())
        mine.add(errand)

        def forget(_: asyncio.Task[None]) -> None:
            mine.discard(errand)
            if not mine and self._under_way.get(where) is mine:
                del self._under_way[where]

        errand.task.add_done_callback(forget)
        return errand.task

    async def end(self, where: Conversation) -> None:
        """Soon: after the calls that are on the wire."""
        errands = list(self._under_way.get(where, ()))
        for errand in errands:
            errand.hurry()
        if errands:
            await asyncio.wait([errand.task for errand in errands])
