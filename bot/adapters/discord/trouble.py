"""Discord's errors in delivery's words, and a count of those that lead to a ban when there are too many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import discord
import structlog

from bot.core.errors import CompanionError
from bot.surface import Gone, NotSent

log = structlog.get_logger()

AGAIN_SECONDS = 2.0
_BAN_SECONDS = 60.0
CLOSED_SECONDS = 600.0
_CLOSED = {10003: CLOSED_SECONDS, 50001: CLOSED_SECONDS, 50013: CLOSED_SECONDS, 50007: 60.0}
"""By code. Direct messages (50007) are opened by the person, who then tries at once."""
_SLOW = (20016, 20028)
ARCHIVED = 50083
"""A thread that stands in the archive, also where no event has told so: it is to be opened, and asked again."""
NOT_THERE = (10008, 50005)
"""A message that is gone, or that is not the bot's to change."""


class Shed(CompanionError):
    """Nobody will miss this call, so it was not made."""


@asynccontextmanager
async def in_deliverys_words(*, may_repeat: bool = False) -> AsyncIterator[None]:
    """`may_repeat` for a call that does no harm when it is made twice. What stays uncertain is raised as it is."""
    try:
        yield
    except discord.RateLimited as refusal:
        raise NotSent(refusal.retry_after) from None
    except discord.HTTPException as problem:
        if problem.status >= 500 and not may_repeat:
            raise
        raise _refusal(problem) from None
    except aiohttp.ClientConnectorError:
        raise NotSent(AGAIN_SECONDS) from None  # it never left
    except (aiohttp.ClientError, TimeoutError, OSError):
        if may_repeat:
            raise NotSent(AGAIN_SECONDS) from None
        raise


def _refusal(problem: discord.HTTPException) -> Gone | NotSent:
    if problem.status in (401, 429):  # the library has waited already where that helps: the whole address is refused
        return NotSent(_BAN_SECONDS)
    if problem.code in (*_SLOW, ARCHIVED) or problem.status >= 500:
        return NotSent(AGAIN_SECONDS)
    if problem.status == 400:  # it will never take it: told, so that it can be mended
        log.error("Discord refuses a message for good", action="refused", code=problem.code)
    else:
        log.info("nobody to write to", action="gone", status=problem.status, code=problem.code)
    return Gone()


def seconds_closed(problem: discord.HTTPException) -> float:
    """How long asking again for the same place would be refused again: too many such requests ban the whole address."""
    return _CLOSED.get(problem.code, 0.0)
