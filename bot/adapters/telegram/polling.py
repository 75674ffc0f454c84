"""Long polling that loses nothing: an update is acknowledged only when it has been taken, by asking for the next one."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis.exceptions import RedisError
from telegram import Update
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.adapters.shared.back_off import BackOff
from bot.adapters.telegram.client import Client
from bot.adapters.telegram.hearing import KINDS
from bot.core.logs import where

log = structlog.get_logger()

Raw = dict[str, Any]
Take = Callable[[Update], Awaitable[None]]

_FORBIDDEN_PAUSE = 60.0


class Polling:
    """`take` returns when an update is safe; what raises `RedisError` is asked for again. `put_aside` keeps the odd ones."""

    def __init__(self, client: Client, take: Take, put_aside: Callable[[str], None]) -> None:
        self._client, self._take, self._put_aside = client, take, put_aside
        self._offset = 0

    async def run(self) -> None:
        back_off = BackOff("cannot get or keep updates; trying again", "poll")
        while True:
            try:
                batch = await self._client.raw_updates(self._offset, KINDS)
                await self._take_all(batch)
                back_off.reset()
            except RetryAfter as refusal:
                await back_off.wait(refusal, refusal._retry_after.total_seconds())
            except InvalidToken as problem:
                await back_off.wait(problem, _FORBIDDEN_PAUSE)
            except Conflict as problem:
                await self._mind_webhook(problem)
                await back_off.wait(problem)
            except (NetworkError, TelegramError, RedisError) as problem:
                await back_off.wait(problem)

    async def _mind_webhook(self, problem: Conflict) -> None:
        """A webhook of an earlier life keeps all updates from us. They stay with Telegram until they are asked for."""
        if "webhook" in problem.message.lower():
            await self._client.delete_webhook()

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
            await self._take_one(raw)
            taken.add(raw["update_id"])

    async def _take_one(self, raw: Raw) -> None:
        try:
            update = Update.de_json(raw, self._client)
            await self._take(update)
        except (RedisError, asyncio.CancelledError):
            raise
        except Exception as problem:  # whatever Telegram invents next: this one goes aside, the others go on
            log.error("an update was put aside", action="odd", error=type(problem).__name__, at=where(problem))
            await asyncio.to_thread(self._put_aside, json.dumps(_shape(raw)))


def _chat_of(raw: Raw) -> object:
    """What must stay in order: messages of a chat, and presses and stops in it."""
    for name in KINDS:
        if isinstance(part := raw.get(name), dict):
            inner = part.get("message") if isinstance(part.get("message"), dict) else part
            return (inner or {}).get("chat", {}).get("id")
    return None


def _shape(value: Any) -> Any:
    """Names and kinds of what is in there, and numbers, but nobody's words."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape(part) for part in value[:3]]
    return value if isinstance(value, bool | int | float) or value is None else type(value).__name__
