"""What is on its way in one conversation: the newest draft, finals in order, and a word for who waits."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from bot.core import metrics
from bot.core.messages import Conversation, Draft
from bot.core.outbox import Entry
from bot.surface import Surface

log = structlog.get_logger()

_IDLE_SECONDS = 30.0
_QUIET_SECONDS = 1.5


class Lane:
    """Ends by itself when nothing has come for a while."""

    def __init__(
        self,
        conversation: Conversation,
        surface: Surface,
        finish: Callable[[Entry], Awaitable[None]],
        lanes: dict[Conversation, Lane],
    ) -> None:
        self._conversation, self._surface, self._finish, self._lanes = conversation, surface, finish, lanes
        self._finals: deque[Entry] = deque()
        self._news, self._final_came = asyncio.Event(), asyncio.Event()
        self._draft: Draft | None = None
        self._wait_text = ""
        self._delivered_at = float("-inf")
        self._newest = (0, 0)
        self._finished_turn = ""
        self._closing = False
        self.task = asyncio.create_task(self._run())

    def add(self, entry: Entry) -> None:
        self._finals.append(entry)
        self._final_came.set()
        self._news.set()

    def offer(self, draft: Draft) -> None:
        """Latest wins; a worker that lost its lease, or a draft that was overtaken by its final, does not."""
        if (draft.fence, draft.seq) > self._newest and draft.turn != self._finished_turn:
            self._shed()
            self._newest = (draft.fence, draft.seq)
            self._draft = draft
            self._news.set()

    def tell_wait(self, text: str) -> bool:
        """Not while a reply is on its way, nor right behind one: it may be from before."""
        if self._finals or self._draft or time.monotonic() < self._delivered_at + _QUIET_SECONDS:
            return False
        self._wait_text = text
        self._news.set()
        return True

    def close(self) -> asyncio.Task[None]:
        """End after the final that is being delivered, if one is."""
        self._closing = True
        self._news.set()
        self._final_came.set()
        return self.task

    async def _run(self) -> None:
        while await self._something_came():
            self._news.clear()
            while self._finals and not self._closing:
                await self._deliver(self._finals[0])
                self._finals.popleft()
            self._final_came.clear()
            if self._draft is not None and not self._closing:
                await self._show()
            elif self._wait_text and not self._closing:
                await self._show_wait()
        del self._lanes[self._conversation]

    async def _something_came(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), _IDLE_SECONDS)
        return self._news.is_set() and not self._closing

    async def _deliver(self, entry: Entry) -> None:
        self._shed()
        self._wait_text = ""
        if entry.event is not None:
            self._finished_turn = entry.event.turn
        await self._finish(entry)
        self._delivered_at = time.monotonic()

    async def _show_wait(self) -> None:
        text, self._wait_text = self._wait_text, ""
        try:
            await self._surface.tell_wait(self._conversation, text)
        except Exception as problem:  # as good as a draft
            log.info("wait not told", action="wait_shed", error=type(problem).__name__)

    def _shed(self) -> None:
        """A draft that something newer overtook is not shown."""
        if self._draft is not None:
            self._draft = None
            self._count("shed")

    def _count(self, outcome: str) -> None:
        metrics.DRAFTS.labels(self._conversation.platform, outcome).inc()

    async def _show(self) -> None:
        draft, self._draft, self._wait_text = self._draft, None, ""
        assert draft is not None, "shown only when there is one"
        try:
            await self._surface.show(self._conversation, draft)
            self._count("shown")
        except Exception as problem:  # a draft is a courtesy: the final holds everything
            self._count("shed")
            log.info("draft not shown", action="draft_shed", error=type(problem).__name__)
        with suppress(TimeoutError):
            # A final does not wait for the pace of drafts.
            await asyncio.wait_for(self._final_came.wait(), self._surface.draft_seconds)
