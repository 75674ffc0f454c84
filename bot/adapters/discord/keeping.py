"""What Discord's adapter must know after a restart, beside what all must: where people talk, and how often it began."""

from __future__ import annotations

from typing import Any

from bot.adapters.shared.keeping import Keeping

_NUM_ACTIVE = 200
_DISCORD_EPOCH_MS = 1_420_070_400_000


class DiscordKeeping(Keeping):
    """Ids and times only."""

    # Channels

    def heard(self, channel: int, message: int) -> None:
        """Somebody spoke to the bot there. What they said may be lost before it is kept, so it is fetched again as well."""
        before_ms = (message >> 22) + _DISCORD_EPOCH_MS - 1
        self._redis.zadd(self._name("active"), {str(channel): before_ms}, gt=True)

    def active(self, seconds: float) -> dict[int, float]:
        """Channels in which somebody spoke to the bot within that time, the newest first, and when they last did, in ms."""
        name, since = self._name("active"), self._store.now_ms() - seconds * 1000
        self._redis.zremrangebyscore(name, "-inf", f"({since}")
        found: Any = self._redis.zrange(name, 0, _NUM_ACTIVE - 1, desc=True, withscores=True)
        return {int(channel): sent_ms for channel, sent_ms in found}

    # Channels that share a talk, and the server of each: it may put the bot out while nothing runs

    def share(self, channel: str, server: str) -> None:
        self._redis.hset(self._name("shared"), channel, server)

    def shared(self) -> dict[int, int]:
        return {int(channel): int(server) for channel, server in self._hash("shared").items()}

    def share_no_more(self, channels: list[int]) -> None:
        if channels:
            self._redis.hdel(self._name("shared"), *map(str, channels))

    # Introductions: how many of a shard came too soon after each other, and when the last was

    def introductions(self, shard: int) -> tuple[int, float]:
        kept: Any = self._redis.hget(self._name("identify"), str(shard))
        count, _, at = kept.decode().partition(":") if kept else ("0", ":", "0")
        return int(count), float(at)

    def keep_introduction(self, shard: int, count: int, at_ms: float) -> None:
        self._redis.hset(self._name("identify"), str(shard), f"{count}:{at_ms}")

    def now_ms(self) -> float:
        return self._store.now_ms()
