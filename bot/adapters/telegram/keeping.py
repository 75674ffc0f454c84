"""What Telegram's adapter must know after a restart, beside what all must: bans, moved groups, and albums."""

from __future__ import annotations

import asyncio

from bot.adapters.shared.keeping import Keeping

_KEEP_ALBUM_SECONDS = 3600


class TelegramKeeping(Keeping):
    """Those of its methods that are of asyncio move to a thread by themselves."""

    # Bans, as the governor wants them

    async def load(self) -> dict[int, float]:
        return await asyncio.to_thread(self._load_bans)

    async def keep(self, chat: int, seconds: float) -> None:
        await asyncio.to_thread(self._keep_ban, chat, seconds)

    def _load_bans(self) -> dict[int, float]:
        now, kept = self._store.now_ms(), self._hash("bans")
        left = {int(chat): (float(until) - now) / 1000 for chat, until in kept.items()}
        if over := [str(chat) for chat, seconds in left.items() if seconds <= 0]:
            self._redis.hdel(self._name("bans"), *over)
        return {chat: seconds for chat, seconds in left.items() if seconds > 0}

    def _keep_ban(self, chat: int, seconds: float) -> None:
        self._redis.hset(self._name("bans"), str(chat), str(self._store.now_ms() + seconds * 1000))

    # Groups that became supergroups

    def moved(self) -> dict[int, int]:
        """New id -> the id by which the chat was first known, under which everything about it is kept."""
        return {int(new): int(first) for new, first in self._hash("moved").items()}

    def move(self, new: int, first: int) -> None:
        self._redis.hset(self._name("moved"), str(new), str(first))

    # Albums

    def is_first_of_album(self, album: str, update: str) -> bool:
        """Also when it comes again, because it could not be taken before."""
        name = self._keys.of_person(album, "album")
        self._redis.set(name, update, nx=True, ex=_KEEP_ALBUM_SECONDS)
        return bool(self._redis.get(name) == update.encode())
