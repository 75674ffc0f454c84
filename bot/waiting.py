"""Tells people who wait why there is no reply yet: nobody to make it, a model that loads, or others before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import ceil, floor, sqrt
from time import monotonic

import structlog
from redis.exceptions import RedisError

from bot.core.inbox import NUM_PLACES
from bot.core.messages import Conversation
from bot.core.presence import Pace
from bot.estimate import wait
from bot.i18n import say
from bot.run import Front

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 10.0
"""What is told is a courtesy to a platform, which may have no room for it at the moment."""
_AFTER_SECONDS = 1.5
"""A reply that begins within this time needs no word about waiting."""
_MOMENT_SECONDS = 3.0
"""Looking once a second, a shorter time would be told as wrong as twice or half of it."""
_ONE_FIGURE = 4.0
"""Latest by earliest: a time between them is wrong by less than a factor of two."""
_SECONDS_UP_TO, _MINUTES_UP_TO = 90, 90

Tell = Callable[[Conversation, str], bool]
"""Passes a text on, perhaps one that was told; false when it is not the moment, because a reply is just being shown."""


class Waiting:
    """Looks every second at who waits on one surface, and tells them what is new, and now and then what it was. Runs until
    cancelled.

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
        again_at = monotonic() + _AGAIN_SECONDS
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if monotonic() >= again_at:
                told, again_at = {}, monotonic() + _AGAIN_SECONDS
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
        pace, standing = self._front.presence.pace(), self._standing(places)
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


def _text(language: str, stages: set[str], num_before: int, pace: Pace | None, standing: float) -> str:
    if not stages - {"failed"}:
        return say(language, "waiting-nobody")
    if "ready" not in stages:
        return say(language, "waiting-loading")
    if not pace:
        return say(language, "waiting-place", place=num_before + 1)
    return _time(language, num_before + 1, *wait(num_before, pace, standing))


def _time(language: str, place: int, earliest: float, latest: float) -> str:
    """One figure where it is about right, else from when till when: no beginning where it may be any moment."""
    if latest <= _ONE_FIGURE * earliest or latest < 2 * _MOMENT_SECONDS:
        return say(language, "waiting-time", place=place, seconds=_round(sqrt(earliest * latest)))
    least = 0 if earliest < _MOMENT_SECONDS else int(earliest)
    (first, low), (unit, high) = _span(earliest, floor), _span(latest, ceil)
    begin = str(low) if first == unit else say(language, first, count=low)
    return say(language, "waiting-range", place=place, least=least, earliest=begin, latest=say(language, unit, count=high))


def _round(seconds: float) -> int:
    """To steps that do not pretend to know better: 0 for a moment, 3, 4, 5, 10, 15, … 60, 90, 120 …"""
    if seconds < _MOMENT_SECONDS:
        return 0
    for limit, step in ((5, 1), (60, 5), (600, 30)):
        if seconds <= limit:
            return step * round(seconds / step)
    return 60 * round(seconds / 60)


def _span(seconds: float, whole: Callable[[float], int]) -> tuple[str, int]:
    """The text for such a time, and how many of its unit, made `whole`."""
    if seconds < _SECONDS_UP_TO:
        return "span-seconds", 5 * whole(seconds / 5) or int(seconds)
    if seconds < _MINUTES_UP_TO * 60:
        return "span-minutes", whole(seconds / 60)
    return "span-hours", whole(seconds / 3600)
