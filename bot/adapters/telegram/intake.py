"""One update as Telegram gave it: read and taken, or put aside when it makes no sense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis.exceptions import RedisError
from telegram import Update

from bot.adapters.shared.shapes import shape
from bot.adapters.telegram.client import Client
from bot.core.logs import where

log = structlog.get_logger()

Raw = dict[str, Any]


class Intake:
    """`take` returns when an update is safe; `put_aside` keeps the odd ones."""

    def __init__(self, client: Client, take: Callable[[Update], Awaitable[None]], put_aside: Callable[[str], None]) -> None:
        self._client, self._take, self._put_aside = client, take, put_aside

    async def take(self, raw: Raw) -> None:
        """Raises `RedisError` when it could not be kept: it is to come again."""
        try:
            await self._take(Update.de_json(raw, self._client))
        except (RedisError, asyncio.CancelledError):
            raise
        except Exception as problem:  # whatever Telegram invents next: this one goes aside, the others go on
            log.error("an update was put aside", action="odd", error=type(problem).__name__, at=where(problem))
            await asyncio.to_thread(self._put_aside, json.dumps(shape(raw)))
