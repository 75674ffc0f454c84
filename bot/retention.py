"""Erasing that nobody asks for: of people who were silent for longer than the operator keeps anything, and in Redis's files."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from redis.exceptions import RedisError, ResponseError

from bot.core.logs import where
from bot.core.messages import Conversation
from bot.core.store import DAY_MS, ERASED, ROOT, Keys
from bot.run import Front

log = structlog.get_logger()

_REWRITTEN = f"{ROOT}:rewritten"
_EVERY_SECONDS = 3600
_LOOK_SECONDS = 60.0
_NUM_AT_ONCE = 100


class Retention:
    """Once an hour for each bot account, in whichever process comes first."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def keep(self) -> None:
        """For ever; nothing that goes wrong here may end the process."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.erase_where_due)
                await asyncio.to_thread(self.clean_files)
            except (RedisError, OSError) as problem:
                log.info("could not erase who is silent", action="retry", error=str(problem))
            except Exception as problem:  # nothing that was promised to be erased may wait for the next start
                log.error("could not erase who is silent", action="retry", error=type(problem).__name__, where=where(problem))

    def erase_where_due(self) -> None:
        days = self._front.settings.retention_days
        for surface in self._front.store.surfaces() if days else []:
            lock = Keys(surface).of_person("hourly", "retention")
            if self._front.store.redis.set(lock, "1", nx=True, ex=_EVERY_SECONDS):
                self.erase_silent(surface, days)

    def clean_files(self) -> None:
        """Have Redis write its file anew, once an hour at most, when something was erased: the old one has it still."""
        redis = self._front.store.redis
        if not redis.exists(ERASED):
            return
        file = redis.info("persistence")
        if not file["aof_enabled"] or file["aof_rewrite_in_progress"]:  # that began before, perhaps
            return
        if redis.set(_REWRITTEN, "1", nx=True, ex=_EVERY_SECONDS):
            self._rewrite()

    def _rewrite(self) -> None:
        pipe: Any = self._front.store.redis.pipeline(transaction=True)  # who is erased after it is not taken for done
        try:
            pipe.delete(ERASED).bgrewriteaof().execute()
        except ResponseError as refusal:
            self._front.store.redis.set(ERASED, "1")
            log.warning("Redis may not rewrite its file, which has what was erased", action="rewrite", error=str(refusal))

    def erase_silent(self, surface: str, days: int) -> int:
        """Gives how many people were erased. Time is Redis's: it stamped when they were last seen."""
        seconds, _ = self._front.store.redis.time()
        before, num_erased = int(seconds) * 1000 - days * DAY_MS, 0
        while people := self._silent(surface, before):
            for person in people:
                self._front.people.forget(person)
            num_erased += len(people)
        if num_erased:
            log.info("erased who was silent", action="retention", days=days, people=num_erased)
        return num_erased

    def _silent(self, surface: str, before: int) -> list[Conversation]:
        names: Any = self._front.store.redis.zrangebyscore(Keys(surface).people, 0, before, start=0, num=_NUM_AT_ONCE)
        platform, _, bot = surface.partition(":")
        return [Conversation(platform, bot, name.decode(), "0", name.decode()) for name in names]
