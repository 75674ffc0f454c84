"""Tells people who wait why there is no reply yet: nobody to make it, a model that loads, or others before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from bot.core.messages import Conversation
from bot.i18n import say
from bot.run import Front

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_AFTER_SECONDS = 1.5
"""A reply that begins within this time needs no word about waiting."""

Tell = Callable[[Conversation, str], bool]
"""Passes a text on; false when it is not the moment, because a reply is just being shown."""


class Waiting:
    """Looks every second at who waits on one surface, and tells them what is new. Runs until cancelled."""

    def __init__(self, front: Front, surface: str) -> None:
        self._front, self._surface = front, surface

    async def run(self, tell: Tell) -> None:
        told: dict[Conversation, str] = {}
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                texts = await asyncio.to_thread(self._texts)
            except RedisError as problem:
                log.info("cannot look who waits", action="waiting", error=str(problem))
                continue
            told = {who: text for who, text in texts.items() if told.get(who) == text or tell(who, text)}

    def _texts(self) -> dict[Conversation, str]:
        places = self._front.inbox.places(self._surface, _AFTER_SECONDS)
        if not places:
            return {}
        stages = {worker.stage for worker in self._front.presence.workers()}
        pace = self._front.presence.replies_per_second()
        return {
            conversation: _text(self._front.language(conversation), stages, num_before, pace)
            for conversation, num_before in places.items()
        }


def _text(language: str, stages: set[str], num_before: int, pace: float) -> str:
    if not stages - {"failed"}:
        return say(language, "waiting-nobody")
    if "ready" not in stages:
        return say(language, "waiting-loading")
    if not pace:
        return say(language, "waiting-place", place=num_before + 1)
    return say(language, "waiting-time", place=num_before + 1, seconds=_round((num_before + 1) / pace))


def _round(seconds: float) -> int:
    """To steps that do not pretend to know better: 1, 2, … 5, 10, 15, … 60, 90, 120 …"""
    for limit, step in ((5, 1), (60, 5), (600, 30)):
        if seconds <= limit:
            return max(1, step * round(seconds / step))
    return 60 * round(seconds / 60)
