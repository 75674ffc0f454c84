"""From the outbox to people: follows drafts and finals of one surface and paces them onto it.

Every conversation has a lane of its own, so that one which must wait delays no other. In a lane the newest draft wins
and finals go out in order; a final is acknowledged only after the surface has confirmed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from redis.exceptions import RedisError

from bot.core import metrics
from bot.core.messages import Conversation, Failed, Notice, Unknown
from bot.core.outbox import Entry, Outbox, Told
from bot.i18n import has, say
from bot.lane import Lane
from bot.surface import Gone, NotSent, Reply, Surface
from bot.waiting import Waiting

log = structlog.get_logger()

_BLOCK_MS = 250
_RETRY_SECONDS = 0.5
_CLOSE_SECONDS = 3.0


class Delivery:
    """Runs until cancelled. What it leaves unfinished, the next process finishes."""

    def __init__(
        self, outbox: Outbox, surface: Surface, language: Callable[[Conversation], str], waiting: Waiting | None = None
    ) -> None:
        self._outbox, self._surface, self._language, self._waiting = outbox, surface, language, waiting
        self._lanes: dict[Conversation, Lane] = {}
        self._in_flight: set[str] = set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_finals())
                tasks.create_task(self._follow_drafts())
                if self._waiting is not None:
                    tasks.create_task(self._waiting.run(self._tell_wait))
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
                taken = frozenset(self._in_flight)  # some may end while those are looked for that have not
                entries = await asyncio.to_thread(self._outbox.unfinished if resume else self._read_fresh)
                resume = False
                for entry in entries:
                    if entry.id not in taken:
                        self._take(entry)
            except RedisError as problem:
                metrics.REDIS_LOST.labels("outbox").inc()
                log.warning("outbox out of reach", action="outbox_lost", error=str(problem))
                resume = True
                await asyncio.sleep(_RETRY_SECONDS)

    def _read_fresh(self) -> list[Entry]:
        return self._outbox.fresh(_BLOCK_MS)

    def _take(self, entry: Entry) -> None:
        if not _has_words(entry.event):  # it stays in the outbox
            log.error("a newer version is to deliver this", action="unknown_event")
            return
        self._in_flight.add(entry.id)
        self._lane(entry.conversation).add(entry)

    async def _follow_drafts(self) -> None:
        drafts = self._outbox.drafts(_BLOCK_MS / 1000)
        while True:
            try:
                found = await asyncio.to_thread(next, drafts)
            except RedisError:
                metrics.REDIS_LOST.labels("drafts").inc()
                drafts = self._outbox.drafts(_BLOCK_MS / 1000)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if found:
                self._lane(found[0]).offer(found[1])

    def _tell_wait(self, conversation: Conversation, text: str) -> bool:
        return self._lane(conversation).tell_wait(text)

    def _lane(self, conversation: Conversation) -> Lane:
        if conversation not in self._lanes:
            self._lanes[conversation] = Lane(conversation, self._surface, self._finish, self._lanes)
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
                ids = await self._surface.deliver(entry.conversation, words)
                self._tell(entry, "repeated" if is_repeat else "delivered")
                return ids
            except NotSent as refusal:
                self._count(entry, "not_sent")
                with suppress(RedisError):
                    await asyncio.to_thread(self._outbox.undo_begin, entry)
                await asyncio.sleep(refusal.seconds)
            except Gone:
                self._count(entry, "gone")
                log.info("nobody to deliver to", action="gone")
                return []
            except RedisError:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as problem:  # the platform's library failed in a way nobody foresaw: it may have arrived
                log.warning("delivery uncertain", action="uncertain", error=type(problem).__name__)
                self._count(entry, "uncertain")
                is_repeat = True
                await asyncio.sleep(_RETRY_SECONDS)

    def _tell(self, entry: Entry, outcome: str) -> None:
        self._count(entry, outcome)
        event = None if isinstance(entry.event, Notice | Unknown) else entry.event  # a notice belongs to no message
        named = {"turn": event.turn, "trace": event.trace} if event else {}
        log.info(outcome, action="deliver", conversation=self._outbox.pseudonym(entry.conversation), **named)

    def _count(self, entry: Entry, outcome: str) -> None:
        metrics.DELIVERIES.labels(entry.conversation.platform, outcome).inc()

    def _words(self, entry: Entry, is_repeat: bool) -> Reply:
        """The final in the person's language."""
        language = self._language(entry.conversation)
        words = self._words_of(entry.event, language)
        return replace(words, repeat=say(language, "note-repeat")) if is_repeat else words

    def _words_of(self, event: Told | None, language: str) -> Reply:
        assert not isinstance(event, Unknown), "left to others"
        if event is None:
            return Reply("", remarks=(say(language, "failed-forgotten"),))
        if isinstance(event, Notice):
            return Reply("", remarks=(say(language, event.key, **event.values),), is_notice=True)
        if isinstance(event, Failed):
            return Reply("", remarks=(say(language, f"failed-{event.reason}"),), turn=event.turn, reply_to=event.reply_to)
        return Reply(
            event.answer,
            event.thought,
            (say(language, f"note-{event.note}"),) if has(f"note-{event.note}") else (),
            turn=event.turn,
            reply_to=event.reply_to,
            variant=event.variant,
            num_variants=event.num_variants,
        )


def _has_words(event: Told | None) -> bool:
    """Not for what a newer version knows alone, whose worker may stand beside this."""
    if isinstance(event, Notice):
        return has(event.key)
    return has(f"failed-{event.reason}") if isinstance(event, Failed) else not isinstance(event, Unknown)
