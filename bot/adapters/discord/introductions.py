"""How often the bot may introduce itself (IDENTIFY): Discord takes a thousand a day, and then resets its token.

Neither a process that crashes at once, nor a session that Discord throws away at once, may come near that.
"""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError

from bot.adapters.discord.keeping import DiscordKeeping

log = structlog.get_logger()

_NUM_FREE = 3
_LONGEST_PAUSE = 600.0
_STEADY_SECONDS = 900.0
_WITHOUT_REDIS = 30.0


class Introductions:
    """Pauses double with each that comes soon after the last: at most about 150 a day for a shard, across restarts."""

    def __init__(self, keeping: DiscordKeeping) -> None:
        self._keeping = keeping

    async def wait(self, shard: int) -> None:
        """Until the next is due."""
        try:
            seconds = await asyncio.to_thread(self.take, shard)
        except RedisError:
            seconds = _WITHOUT_REDIS
        if seconds:
            log.warning("many new sessions: waiting before the next", action="identify", shard=shard, seconds=seconds)
            await asyncio.sleep(seconds)

    def take(self, shard: int) -> float:
        """Count one, and give the seconds to wait before it."""
        count, at_ms = self._keeping.introductions(shard)
        now_ms = self._keeping.now_ms()
        count = count + 1 if now_ms - at_ms < _STEADY_SECONDS * 1000 else 1
        pause = min(_LONGEST_PAUSE, 2.0 ** (count - _NUM_FREE)) if count > _NUM_FREE else 0.0
        self._keeping.keep_introduction(shard, count, now_ms + pause * 1000)
        return pause
