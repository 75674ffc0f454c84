"""Tells people who wait why there is no reply yet: nobody to make it, a model that loads, or others before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog
from redis.exceptions import RedisError

from bot.core.inbox import NUM_PLACES
from bot.core.messages import Conversation
from bot.i18n import say
from bot.run import Front

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_AFTER_SECONDS = 1.5
"""A reply that begins within this time needs no word about waiting."""
_MOMENT_SECONDS = 3.0
"""Looking once a second, a shorter time would be told as wrong as twice or half of it."""
_LEAST_SHARE = 0.25
"""Of the time between two replies: the next may be late, and then nobody knows when it comes."""

Tell = Callable[[Conversation, str], bool]
"""Passes a text on; false when it is not the moment, because a reply is just being shown."""


class Waiting:
    """Looks every second at who waits on one surface, and tells them what is new. Runs until cancelled.

    The first in line are looked at each time; those far behind in turns, a part of them each time.
    """

    def __init__(self, front: Front, surface: str) -> None:
        self._front, self._surface = front, surface
        self._skip = 0
        self._first: tuple[Conversation, int] | None = None
        self._moved_at = monotonic()

    async def run(self, tell: Tell) -> None:
        told: dict[Conversation, str] = {}
        seen: set[Conversation] = set()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                texts = await asyncio.to_thread(self._texts)
            except RedisError as problem:
                log.info("cannot look who waits", action="waiting", error=str(problem))
                continue
            told |= {who: text for who, text in texts.items() if told.get(who) != text and tell(who, text)}
            seen |= texts.keys()
            if not self._skip:  # everybody was looked at: whoever was not seen waits no longer
                told, seen = {who: text for who, text in told.items() if who in seen}, set()

    def _texts(self) -> dict[Conversation, str]:
        places = self._places()
        if not places:
            return {}
        stages = {worker.stage for worker in self._front.presence.workers()}
        pace, standing = self._front.presence.replies_per_second(), self._standing(places)
        return {
            conversation: _text(self._front.language(conversation), stages, num_before, pace, standing)
            for conversation, num_before in places.items()
        }

    def _places(self) -> dict[Conversation, int]:
        inbox = self._front.inbox
        near = inbox.places(self._surface, _AFTER_SECONDS)
        far = inbox.places(self._surface, _AFTER_SECONDS, self._skip) if self._skip else near
        self._skip = self._skip + NUM_PLACES if len(far) >= NUM_PLACES else 0
        return near | far

    def _standing(self, places: dict[Conversation, int]) -> float:
        """For how many seconds the line has not moved."""
        first = next(iter(places.items()))
        if first != self._first:
            self._first, self._moved_at = first, monotonic()
        return monotonic() - self._moved_at


def _text(language: str, stages: set[str], num_before: int, pace: float, standing: float) -> str:
    if not stages - {"failed"}:
        return say(language, "waiting-nobody")
    if "ready" not in stages:
        return say(language, "waiting-loading")
    if not pace:
        return say(language, "waiting-place", place=num_before + 1)
    seconds = num_before / pace + max(1 / pace - standing, _LEAST_SHARE / pace)
    return say(language, "waiting-time", place=num_before + 1, seconds=_round(seconds))


def _round(seconds: float) -> int:
    """To steps that do not pretend to know better: 0 for a moment, 3, 4, 5, 10, 15, … 60, 90, 120 …"""
    if seconds < _MOMENT_SECONDS:
        return 0
    for limit, step in ((5, 1), (60, 5), (600, 30)):
        if seconds <= limit:
            return step * round(seconds / step)
    return 60 * round(seconds / 60)
