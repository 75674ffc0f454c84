"""What was written while nobody listened: after a new session it is fetched from where people talk to the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import discord
import structlog
from redis.exceptions import RedisError

from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.places import Places

log = structlog.get_logger()

_NUM_MESSAGES = 100
_NUM_AT_ONCE = 3


class CatchingUp:
    """Messages that were taken already are known by their ids, so it may ask for too many."""

    def __init__(
        self, places: Places, keeping: DiscordKeeping, take: Callable[[discord.Message], Awaitable[None]], seconds: float
    ) -> None:
        self._places, self._keeping, self._take, self._seconds = places, keeping, take, seconds
        self._at_once = asyncio.Semaphore(_NUM_AT_ONCE)

    async def run(self, shard: int) -> None:
        """Channels of that shard; direct messages come by the first."""
        try:
            active = await asyncio.to_thread(self._keeping.active, self._seconds)
        except RedisError as problem:
            log.warning("cannot ask where people talk", action="catch_up", error=str(problem))
            return
        await asyncio.gather(*(self._catch_up(channel, since_ms, shard) for channel, since_ms in active.items()))

    async def _catch_up(self, id: int, since_ms: float, shard: int) -> None:
        async with self._at_once:
            try:
                channel = await self._places.find(id)
                guild = getattr(channel, "guild", None)
                if (guild.shard_id if guild else 0) != shard:
                    return
                since = datetime.fromtimestamp(since_ms / 1000, UTC)
                async for message in channel.history(limit=_NUM_MESSAGES, after=since, oldest_first=True):
                    await self._take(message)
            except discord.HTTPException as problem:  # gone, or closed to the bot: nobody can be answered there
                log.info("cannot look for what was missed", action="catch_up", status=problem.status, code=problem.code)
