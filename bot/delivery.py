"""From the outbox to people: follows drafts and finals of one surface and paces them onto it.

Every conversation has a lane of its own, so that one which must wait delays no other. In a lane the newest draft wins
and finals go out in order; a final is acknowledged only after the surface has confirmed it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from bot.core.messages import Conversation, Draft, Finished
from bot.core.outbox import Entry, Outbox
from bot.i18n import say
from bot.surface import Gone, NotSent, Reply, Surface

log = structlog.get_logger()

_BLOCK_MS = 250
_RETRY_SECONDS = 0.5
_IDLE_SECONDS = 30.0
_CLOSE_SECONDS = 3.0


class Delivery:
    """Runs until cancelled. What it leaves unfinished, the next process finishes."""

    def __init__(self, outbox: Outbox, surface: Surface, language: Callable[[Conversation], str]) -> None:
        self._outbox, self._surface, self._language = outbox, surface, language
        self._lanes: dict[Conversation, _Lane] = {}
        self._in_flight: set[str] = set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_finals())
                tasks.create_task(self._follow_drafts())
        finally:
            await self._close_lanes()

    async def _close_lanes(self) -> None:
        """What a person is just being given is acknowledged too, or they would be given it again."""
        tasks = [lane.close() for lane in self._lanes.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _follow_finals(self) -> None:
        """After an error the group may hold entries whose answer was lost on the way: those come first again."""
        resume = True
        while True:
            try:
                if resume:
                    await asyncio.to_thread(self._outbox.open)
                entries = await asyncio.to_thread(self._outbox.unfinished if resume else self._read_fresh)
                resume = False
                for entry in entries:
                    self._take(entry)
            except RedisError as problem:
                log.warning("outbox out of reach", action="outbox_lost", error=str(problem))
                resume = True
                await asyncio.sleep(_RETRY_SECONDS)

    def _read_fresh(self) -> list[Entry]:
        return self._outbox.fresh(_BLOCK_MS)

    def _take(self, entry: Entry) -> None:
        if entry.id not in self._in_flight:
            self._in_flight.add(entry.id)
            self._lane(entry.conversation).add(entry)

    async def _follow_drafts(self) -> None:
        drafts = self._outbox.drafts(_BLOCK_MS / 1000)
        while True:
            try:
                found = await asyncio.to_thread(next, drafts)
            except RedisError:
                drafts = self._outbox.drafts(_BLOCK_MS / 1000)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if found:
                self._lane(found[0]).offer(found[1])

    def _lane(self, conversation: Conversation) -> _Lane:
        if conversation not in self._lanes:
            self._lanes[conversation] = _Lane(conversation, self._surface, self._finish, self._lanes)
        return self._lanes[conversation]

    async def _finish(self, entry: Entry) -> None:
        """Deliver one final, however often it takes."""
        ids = await self._send(entry)
        while True:
            try:
                await asyncio.to_thread(self._outbox.end, entry, ids)
                self._in_flight.discard(entry.id)
                return
            except RedisError:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _send(self, entry: Entry) -> list[str]:
        is_repeat = entry.is_repeat
        while True:
            try:
                words = await asyncio.to_thread(self._words, entry, is_repeat)
                await asyncio.to_thread(self._outbox.begin, entry)
                return await self._surface.deliver(entry.conversation, words)
            except NotSent as refusal:
                with suppress(RedisError):
                    await asyncio.to_thread(self._outbox.undo_begin, entry)
                await asyncio.sleep(refusal.seconds)
            except Gone:
                log.info("nobody to deliver to", action="gone")
                return []
            except RedisError:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as problem:  # the platform's library failed in a way nobody foresaw: it may have arrived
                log.warning("delivery uncertain", action="uncertain", error=type(problem).__name__)
                is_repeat = True
                await asyncio.sleep(_RETRY_SECONDS)

    def _words(self, entry: Entry, is_repeat: bool) -> Reply:
        """The final in the person's language."""
        language = self._language(entry.conversation)
        remarks = [say(language, "note-repeat")] if is_repeat else []
        if isinstance(entry.event, Finished):
            if entry.event.note:
                remarks.append(say(language, f"note-{entry.event.note}"))
            event = entry.event
            return Reply(event.answer, event.thought, tuple(remarks), event.turn, event.reply_to)
        if entry.event is None:
            return Reply("", "", (*remarks, say(language, "failed-forgotten")))
        remarks.append(say(language, f"failed-{entry.event.reason}"))
        return Reply("", "", tuple(remarks), entry.event.turn, entry.event.reply_to)


class _Lane:
    """What is on its way in one conversation. Ends by itself when nothing has come for a while."""

    def __init__(
        self,
        conversation: Conversation,
        surface: Surface,
        finish: Callable[[Entry], Awaitable[None]],
        lanes: dict[Conversation, _Lane],
    ) -> None:
        self._conversation, self._surface, self._finish, self._lanes = conversation, surface, finish, lanes
        self._finals: deque[Entry] = deque()
        self._news, self._final_came = asyncio.Event(), asyncio.Event()
        self._draft: Draft | None = None
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
            self._newest = (draft.fence, draft.seq)
            self._draft = draft
            self._news.set()

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
        del self._lanes[self._conversation]

    async def _something_came(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), _IDLE_SECONDS)
        return self._news.is_set() and not self._closing

    async def _deliver(self, entry: Entry) -> None:
        self._draft = None
        if entry.event is not None:
            self._finished_turn = entry.event.turn
        await self._finish(entry)

    async def _show(self) -> None:
        draft, self._draft = self._draft, None
        assert draft is not None, "shown only when there is one"
        try:
            await self._surface.show(self._conversation, draft)
        except Exception as problem:  # a draft is a courtesy: the final holds everything
            log.info("draft not shown", action="draft_shed", error=type(problem).__name__)
        with suppress(TimeoutError):
            # A final does not wait for the pace of drafts.
            await asyncio.wait_for(self._final_came.wait(), self._surface.draft_seconds)
