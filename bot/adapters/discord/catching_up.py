"""What was written while nobody listened: after a new session it is fetched from where people talk to the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import aiohttp
import discord
import structlog
from redis.exceptions import RedisError

from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.places import Places
from bot.adapters.shared.back_off import BackOff

log = structlog.get_logger()

_NUM_MESSAGES = 500
_NUM_AT_ONCE = 3
_NUM_TRIES = 10
_PASSING = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError)


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
        """A line that broke may break again at once; Discord tells of none of this a second time."""
        back_off = BackOff("cannot fetch what was missed; trying again", "catch_up")
        async with self._at_once:
            for _ in range(_NUM_TRIES):
                try:
                    return await self._fetch(id, since_ms, shard)
                except _PASSING as problem:
                    await back_off.wait(problem)
                except discord.HTTPException as problem:  # gone, or closed to the bot: nobody can be answered there
                    log.info("cannot look for what was missed", action="catch_up", status=problem.status, code=problem.code)
                    return None
        log.warning("what was missed is not fetched", action="catch_up")
        return None

    async def _fetch(self, id: int, since_ms: float, shard: int) -> None:
        channel = await self._places.find(id)
        guild = getattr(channel, "guild", None)
        if (guild.shard_id if guild else 0) != shard:
            return
        since = datetime.fromtimestamp(since_ms / 1000, UTC)  # when the bot was last spoken to: much of it was no more missed
        newest = [message async for message in channel.history(limit=_NUM_MESSAGES, after=since, oldest_first=False)]
        for message in reversed(newest):
            await self._take(message)
