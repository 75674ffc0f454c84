"""Paces every call to Telegram: a budget for each chat, one for the bot, and a ban that holds one chat alone.

What only pleases the eye (drafts, typing, edits on the way) is shed when it would have to wait, or would take the last of
a chat's budget; what must arrive waits. After a 429 nothing at all is sent to that chat before its time: Telegram
lengthens the ban of whoever asks again too early. Bans are kept in Redis, since they outlive the process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import RedisError
from telegram._utils.types import JSONDict
from telegram.error import Forbidden, RetryAfter, TelegramError
from telegram.ext import BaseRateLimiter

from bot.adapters.shared.sending import Priority
from bot.core import metrics

Result = bool | JSONDict | list[JSONDict]

PRIVATE_GAP, GROUP_GAP = 1.05, 3.6
_BURST = 3
_BOT_BURST_PART = 5
"""The bot may be ahead of its pace by a fifth of a second's calls, so that no second has many more than one has."""
_LONGEST_WAIT = 10.0
"""Whoever would wait longer is told so, and does not hold a task for it."""
_WIDE_SECONDS, _WIDER = 60.0, 2.0
_NUM_CHATS = 20_000


class Shed(TelegramError):
    """Nobody will miss this call, so it was not made."""

    def __init__(self) -> None:
        super().__init__("shed")


class TooSoon(TelegramError):
    """The chat may not be written to before `seconds` are over, and that is too long to hold a task for it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.0f} s")
        self.seconds = seconds


class Bans(Protocol):
    """Where bans are remembered: chat -> seconds that are left."""

    async def load(self) -> dict[int, float]: ...

    async def keep(self, chat: int, seconds: float) -> None: ...


@dataclass(slots=True)
class Budget:
    """A generic cell rate algorithm: `full_at` is when all that was taken will have come back."""

    gap: float
    burst: int
    full_at: float = 0.0

    def wait(self, now: float, spare: int = 0) -> float:
        """Seconds until one call more is within the budget, and `spare` others would be too."""
        return max(0.0, self.full_at - (self.burst - 1 - spare) * self.gap - now)

    def take(self, now: float, gap: float | None = None) -> None:
        self.full_at = max(self.full_at, now) + (gap or self.gap)


@dataclass(slots=True)
class _Chat:
    budget: Budget
    banned_until: float = 0.0
    wide_until: float = 0.0


class Governor(BaseRateLimiter[Priority]):
    """`calls` is how many a second the bot may make in all. `rate_limit_args` is the priority; what says nothing is durable."""

    def __init__(
        self,
        bans: Bans,
        calls: float = 25,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bans, self._clock, self._sleep = bans, clock, sleep
        self._bot = Budget(1 / calls, max(2, int(calls / _BOT_BURST_PART)))
        self._chats: dict[int, _Chat] = {}

    async def initialize(self) -> None:
        now = self._clock()
        for id, seconds in (await self._bans.load()).items():
            chat = self._chat(id)
            chat.banned_until, chat.wide_until = now + seconds, now + seconds + _WIDE_SECONDS

    async def shutdown(self) -> None:
        """Nothing is held."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Result]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Priority | None,
    ) -> Result:
        if (chat_id := data.get("chat_id")) is None:
            return await callback(*args, **kwargs)  # answers to presses and the bot's own menus have no chat to disturb
        chat = self._chat(int(chat_id))
        if rate_limit_args == "cosmetic":
            self._spare(chat)
        else:
            await self._wait(chat)
        try:
            return await callback(*args, **kwargs)
        except Forbidden:
            metrics.REFUSED_CALLS.labels("telegram", "forbidden").inc()
            raise
        except RetryAfter as refusal:
            metrics.REFUSED_CALLS.labels("telegram", "limit").inc()
            await self._ban(int(chat_id), chat, _seconds(refusal))
            raise

    def _spare(self, chat: _Chat) -> None:
        """Take from both budgets what nobody needs; raises `Shed` where that is nothing."""
        now = self._clock()
        if now < chat.banned_until or chat.budget.wait(now, 1) or self._bot.wait(now, self._bot.burst // 2):
            raise Shed
        chat.budget.take(now, self._gap(chat, now))
        self._bot.take(now)

    async def _wait(self, chat: _Chat) -> None:
        """Whoever came first goes first: each takes its place at once and then waits for it. Raises `TooSoon`."""
        await self._outlast_ban(chat)
        await self._queue(chat.budget, self._gap(chat, self._clock()))
        await self._queue(self._bot)
        await self._outlast_ban(chat)  # it may have come while others of the chat were being sent

    async def _queue(self, budget: Budget, gap: float | None = None) -> None:
        now = self._clock()
        wait = budget.wait(now)
        self._refuse_long(wait)
        budget.take(now, gap)
        if wait:
            await self._pause(wait)

    async def _outlast_ban(self, chat: _Chat) -> None:
        while (wait := chat.banned_until - self._clock()) > 0:
            self._refuse_long(wait)
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        metrics.LIMIT_WAIT.labels("telegram").observe(seconds)
        await self._sleep(seconds)

    def _refuse_long(self, wait: float) -> None:
        if wait > _LONGEST_WAIT:
            raise TooSoon(wait)

    def _gap(self, chat: _Chat, now: float) -> float:
        return chat.budget.gap * (_WIDER if now < chat.wide_until else 1)

    async def _ban(self, id: int, chat: _Chat, seconds: float) -> None:
        now = self._clock()
        chat.banned_until = max(chat.banned_until, now + seconds)
        chat.wide_until = chat.banned_until + _WIDE_SECONDS
        with suppress(RedisError):  # it holds all the same, as long as this process lives
            await self._bans.keep(id, seconds)

    def _chat(self, id: int) -> _Chat:
        if id not in self._chats:
            self._make_room()
            self._chats[id] = _Chat(Budget(PRIVATE_GAP if id > 0 else GROUP_GAP, _BURST))
        return self._chats[id]

    def _make_room(self) -> None:
        """A chat with its whole budget and no ban is as good as one never met."""
        if len(self._chats) >= _NUM_CHATS:
            now = self._clock()
            self._chats = {id: chat for id, chat in self._chats.items() if max(chat.budget.full_at, chat.wide_until) > now}


def _seconds(refusal: RetryAfter) -> float:
    return refusal._retry_after.total_seconds()  # the public name warns, whatever type it gives
