"""One process a token: a platform gives each event once, and rate limits are kept by whoever sends."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from redis.exceptions import LockError, LockNotOwnedError, RedisError
from redis.lock import Lock

from bot.core.store import Keys, Store

log = structlog.get_logger()

_HELD_SECONDS = 6.0
_RENEW_SECONDS = 1.5
_LOOK_SECONDS = 0.5
_TELL_EVERY = 120


class Lost(Exception):
    """Another process has the account now."""


class Hold:
    """Of one bot account; says who has it while it waits."""

    def __init__(self, store: Store, surface: str) -> None:
        self._account, platform = surface, surface.partition(":")[0]
        self._name = Keys(surface).of_chat(platform, "held")
        self._store, self._redis = store, store.redis
        self._is_lost = False
        self._me = f"{os.uname().nodename}/{os.getpid()}/{secrets.token_hex(4)}"
        self._lock = Lock(store.redis, self._name, timeout=_HELD_SECONDS, thread_local=False)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for it, keep it for the length of the block, give it back. Raises `Lost` when another took it meanwhile."""
        await self._take()
        holder = asyncio.current_task()
        assert holder is not None, "a context of asyncio is entered by a task"
        renewing = asyncio.create_task(self._renew(holder))
        try:
            yield
        except asyncio.CancelledError:
            if self._is_lost:
                self._is_lost = False
                holder.uncancel()
                raise Lost from None
            raise
        finally:
            renewing.cancel()
            with suppress(LockError, RedisError):
                await asyncio.to_thread(self._lock.release)

    async def _take(self) -> None:
        for number in range(1_000_000_000):
            try:
                if await asyncio.to_thread(self._acquire):
                    return
                if number % _TELL_EVERY == 0:
                    log.warning("another process has this bot: waiting", action="held", bot=self._account, holder=self.holder())
            except RedisError as problem:
                log.warning("cannot ask who has this bot", action="held", bot=self._account, error=str(problem))
            await asyncio.sleep(_LOOK_SECONDS)

    def holder(self) -> str:
        """Machine and process."""
        value: Any = self._redis.get(self._name)
        return value.decode().rpartition("/")[0] if value else "nobody"

    async def _renew(self, holder: asyncio.Task[Any]) -> None:
        """A Redis that is away has no other holder either: only one that answers can say that it is lost."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await asyncio.to_thread(self._lock.reacquire)
            except LockNotOwnedError:
                if not await self._retake():
                    self._is_lost = True
                    holder.cancel()
                    log.error("another process took this bot over", action="lost", bot=self._account)
                    return
            except RedisError:
                continue

    async def _retake(self) -> bool:
        """After a long outage of Redis it may have run out, with nobody else there."""
        with suppress(RedisError):
            return await asyncio.to_thread(self._acquire)
        return True

    def _acquire(self) -> bool:
        """And have the account among those that are served: a Redis that came back empty knows nothing of it."""
        self._store.add_surface(self._account)
        return bool(self._lock.acquire(blocking=False, token=self._me))
