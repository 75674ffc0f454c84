"""Discord's limits: how long calls wait for them in the library's own buckets, and when these are nearly empty.

The library lets a call wait in two places: before it goes out, and after it has taken the last that is allowed for now.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

import discord.http
from aiohttp import ClientResponse
from discord.http import HTTPClient, Ratelimit, Route

from bot.adapters.discord.errands import is_errand, tell_errand
from bot.core import metrics

E = TypeVar("E", bound=BaseException)
_NUM_TOKENS = 10_000


class Bucket(Ratelimit):
    """The library's own, which tells what calls wait in it. An errand does not stay after its call."""

    __slots__ = ()

    async def acquire(self) -> None:
        with self._waiting(self._is_used_up(self.remaining)):
            await super().acquire()

    async def __aexit__(self, type: type[E], value: E, traceback: TracebackType) -> None:
        is_last = not self._sleeping.locked() and self._is_used_up(self.remaining - (self.outgoing - 1))
        if is_last and is_errand():
            self.outgoing -= 1
            return
        with self._waiting(is_last):
            await super().__aexit__(type, value, traceback)

    async def _refresh(self) -> None:
        """For what is left of the time: who comes later than the answer that told of it has less to wait."""
        if self.expires is not None:
            self.reset_after = max(0.0, self.expires - self._loop.time())
        await super()._refresh()

    def _is_used_up(self, left: int) -> bool:
        return left <= 0 and self.expires is not None and not self.is_expired()

    @contextmanager
    def _waiting(self, is_waiting: bool) -> Iterator[None]:
        if not is_waiting:
            yield
            return
        began_at = self._loop.time()
        tell_errand(is_waiting=True)
        try:
            yield
        finally:
            tell_errand(is_waiting=False)
            waited(self._loop.time() - began_at)


def use_buckets() -> None:
    """Have the library make these, for the whole process: it offers no other way."""
    discord.http.Ratelimit = Bucket  # type: ignore[misc]


def waited(seconds: float) -> None:
    metrics.LIMIT_WAIT.labels("discord").observe(seconds)


def is_nearly_spent(http: HTTPClient, route: Route, num_kept: int) -> bool:
    """By the library's own view of the limits: after one call more, that many others might have to wait inside theirs."""
    bucket = http._buckets.get(f"{http._bucket_hashes.get(route.key)}:{route.major_parameters}")
    if bucket is None or bucket.is_expired() or not bucket.dirty:
        return not http._global_over.is_set()
    return bucket.remaining - bucket.outgoing <= min(num_kept, bucket.limit - 1) or not http._global_over.is_set()


class TokenLimits:
    """What is left of the calls by each interaction's token, of which the library remembers nothing."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note(self, response: ClientResponse) -> None:
        """The library waits after the last one; that is told here, as it happens out of reach."""
        headers, parts = response.headers, response.url.parts
        if "webhooks" not in parts or "X-RateLimit-Remaining" not in headers:
            return
        left, seconds = int(headers["X-RateLimit-Remaining"]), float(headers.get("X-RateLimit-Reset-After", 0))
        self._left[parts[parts.index("webhooks") + 2]] = left, time.monotonic() + seconds
        if len(self._left) > _NUM_TOKENS:
            self._left.popitem(last=False)
        if left == 0 and response.status != 429:
            waited(seconds)

    def is_nearly_spent(self, token: str) -> bool:
        left, until = self._left.get(token, (0, 0.0))
        return left <= 1 and time.monotonic() < until
