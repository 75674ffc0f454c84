"""Long polling that loses nothing: an update is acknowledged only when it has been taken, by asking for the next one."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog
from redis.exceptions import RedisError
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.adapters.shared.back_off import BackOff
from bot.adapters.telegram.client import Client
from bot.adapters.telegram.hearing import KINDS
from bot.adapters.telegram.intake import Intake, Raw

log = structlog.get_logger()

_FORBIDDEN_PAUSE = 60.0


class Polling:
    """What raises `RedisError` on its way in is asked for again."""

    def __init__(self, client: Client, intake: Intake) -> None:
        self._client, self._intake = client, intake
        self._offset = 0

    async def run(self) -> None:
        back_off = BackOff("cannot get or keep updates; trying again", "poll")
        while True:
            try:
                await self._take_all(await self._fetch())
                back_off.reset()
            except RetryAfter as refusal:
                await back_off.wait(refusal, refusal._retry_after.total_seconds())
            except InvalidToken as problem:
                await back_off.wait(problem, _FORBIDDEN_PAUSE)
            except (TelegramError, RedisError) as problem:
                await back_off.wait(problem)

    async def _fetch(self) -> list[Raw]:
        try:
            return await self._client.raw_updates(self._offset, KINDS)
        except Conflict as problem:
            if "webhook" in problem.message.lower():  # of an earlier life; what it would have brought stays with Telegram
                await self._client.delete_webhook()
            raise

    async def _take_all(self, batch: list[Raw]) -> None:
        """Each chat's in the order they came, chats beside each other. Acknowledged up to the first that was not taken."""
        chats: dict[object, list[Raw]] = defaultdict(list)
        for raw in batch:
            chats[_chat_of(raw)].append(raw)
        taken: set[int] = set()
        outcomes = await asyncio.gather(*(self._take_in_order(some, taken) for some in chats.values()), return_exceptions=True)
        for raw in batch:
            if raw["update_id"] not in taken:
                break
            self._offset = raw["update_id"] + 1
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _take_in_order(self, batch: list[Raw], taken: set[int]) -> None:
        for raw in batch:
            await self._intake.take(raw)
            taken.add(raw["update_id"])


def _chat_of(raw: Raw) -> object:
    """What must stay in order: messages of a chat, and presses and stops in it."""
    for name in KINDS:
        if isinstance(part := raw.get(name), dict):
            inner = part.get("message") if isinstance(part.get("message"), dict) else part
            return (inner or {}).get("chat", {}).get("id")
    return None
