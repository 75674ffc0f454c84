"""The client: python-telegram-bot's `Bot` with the governor in front of it, and its errors in delivery's words."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from pydantic import SecretStr
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.ext import ExtBot

from bot.adapters.telegram.governor import Governor, TooSoon
from bot.adapters.telegram.wire import NeverLeft, Wire
from bot.surface import Gone, NotSent

log = structlog.get_logger()

POLL_SECONDS = 25
_NUM_UPDATES, _NUM_CONNECTIONS = 100, 64
_READ_SECONDS = 20.0
_TELEGRAM = "https://api.telegram.org"
_AGAIN_SECONDS = 2.0
_BAD_TOKEN_SECONDS = 60.0
_NOBODY = (
    "chat not found",
    "user is deactivated",
    "user not found",
    "bot was kicked",
    "bot is not a member",
    "not enough rights",
    "have no rights to send",
    "chat_write_forbidden",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
    "group chat was deactivated",
    "peer_id_invalid",
)


class Client(ExtBot[Any]):
    """Also gives updates as they came: one that the library cannot read must not hold up the others."""

    async def raw_updates(self, offset: int, kinds: Sequence[str]) -> list[dict[str, Any]]:
        """Those from `offset` on, which acknowledges all before; waits for one."""
        asked = {"timeout": POLL_SECONDS, "limit": _NUM_UPDATES, "allowed_updates": list(kinds), "offset": offset}
        batch: Any = await self._post("getUpdates", asked, read_timeout=POLL_SECONDS + _READ_SECONDS)
        return list(batch)


def make_client(token: SecretStr, url: str | None, governor: Governor) -> Client:
    """A bot that is not yet initialized. Timeouts are for phones' networks, not for a person's patience."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")  # else every 429 comes with a warning of the library about itself
    talk, poll = Wire(_NUM_CONNECTIONS, _READ_SECONDS), Wire(1, POLL_SECONDS + _READ_SECONDS)
    base = (url or _TELEGRAM).rstrip("/").removesuffix("/bot")
    return Client(
        token.get_secret_value(),
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=talk,
        get_updates_request=poll,
        rate_limiter=governor,
    )


def says(problem: TelegramError, *words: str) -> bool:
    """Telegram has no error codes worth the name, only words."""
    return any(word in problem.message.lower() for word in words)


@asynccontextmanager
async def in_deliverys_words(*, may_repeat: bool = False) -> AsyncIterator[None]:
    """`may_repeat` for a call that does no harm when it is made twice, as an edit. What stays uncertain is raised as it is."""
    try:
        yield
    except TooSoon as refusal:
        raise NotSent(refusal.seconds) from None
    except RetryAfter as refusal:
        raise NotSent(refusal._retry_after.total_seconds()) from None
    except Forbidden:
        raise Gone from None
    except InvalidToken:
        raise NotSent(_BAD_TOKEN_SECONDS) from None
    except BadRequest as problem:
        if not says(problem, *_NOBODY):  # it will never take it: told, so that it can be mended
            log.error("Telegram refuses a message for good", action="refused", error=problem.message)
        raise Gone from None
    except NetworkError as problem:  # a timeout is one too
        if may_repeat or isinstance(problem, NeverLeft):
            raise NotSent(_AGAIN_SECONDS) from None
        raise
