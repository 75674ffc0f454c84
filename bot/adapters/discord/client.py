"""The client: discord.py's, without privileged intents, which pings nobody and outlives what it cannot read."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

import aiohttp
import discord
import structlog
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.adapters.discord.errands import tell_errand
from bot.adapters.discord.introductions import Introductions
from bot.adapters.discord.limits import TokenLimits, use_buckets
from bot.adapters.shared.shapes import shape
from bot.core import metrics
from bot.core.logs import where

log = structlog.get_logger()

_LONGEST_WAIT = 30.0
"""Whoever would wait longer for a rate limit is told so, and does not hold a task for it."""
_GUILDS_SECONDS = 1.0
PACE_SECONDS = 5.0
_SESSION_EVENTS = ("READY", "RESUMED")


class Events(Protocol):
    """What is told of what happens."""

    async def message(self, message: discord.Message) -> None: ...

    async def edited(self, message: discord.Message) -> None: ...

    async def interacted(self, interaction: discord.Interaction[Any]) -> None: ...

    async def joined(self, guild: discord.Guild) -> None: ...

    async def left(self, guild: discord.Guild) -> None: ...

    async def ready(self, shard: int) -> None:
        """A new session: what came since the last was not told."""


class Client(discord.AutoShardedClient):
    """`events` is set before it starts; `put_aside` keeps the shape of what could not be understood."""

    events: Events

    def __init__(self, introductions: Introductions, put_aside: Callable[[str], None], *, reads_all: bool, **more: Any) -> None:
        use_buckets()
        self.token_limits = TokenLimits()
        super().__init__(
            intents=intents(reads_all),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            max_ratelimit_timeout=_LONGEST_WAIT,
            guild_ready_timeout=_GUILDS_SECONDS,
            http_trace=_trace(self.token_limits),
            **more,
        )
        self._introductions, self._put_aside = introductions, put_aside
        self._aside: set[asyncio.Task[None]] = set()

    async def setup_hook(self) -> None:
        """One event that the library cannot read would end the whole connection: it goes aside, the others go on."""
        parsers = self._connection.parsers
        for name in parsers.keys() - _SESSION_EVENTS:
            parsers[name] = self._careful(name, parsers[name])

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Discord takes one in five seconds; how many in a day is another matter."""
        if not initial:
            await asyncio.sleep(PACE_SECONDS)
        await self._introductions.wait(shard_id or 0)

    async def on_message(self, message: discord.Message) -> None:
        await self.events.message(message)

    async def on_raw_message_edit(self, edit: discord.RawMessageUpdateEvent) -> None:
        await self.events.edited(edit.message)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        await self.events.interacted(interaction)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.events.joined(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.events.left(guild)

    async def on_shard_ready(self, shard_id: int) -> None:
        await self.events.ready(shard_id)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """What nobody foresaw; the library would print it with everything in it."""
        problem = sys.exception()
        assert problem is not None, "called while one is handled"
        log.error("an event went wrong", action="odd", of=event_method, error=type(problem).__name__, at=where(problem))

    def _careful(self, name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
        def parse_carefully(data: Any) -> None:
            try:
                parse(data)
            except Exception as problem:
                log.error("an event was put aside", action="odd", of=name, error=type(problem).__name__, at=where(problem))
                task = asyncio.create_task(asyncio.to_thread(self._put_aside, json.dumps({name: shape(data)})))
                self._aside.add(task)
                task.add_done_callback(self._aside.discard)

        return parse_carefully


def intents(reads_all: bool) -> discord.Intents:
    """Direct messages, mentions and replies carry their text without any privilege; to read all messages is one."""
    return discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=reads_all)


def use_server(url: str, gateway: str = "") -> None:
    """Another server than Discord's, such as a proxy of one's own. The library has one for the whole process."""
    Route.BASE = f"{url.rstrip('/')}/api/v10"
    if gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)


def _trace(token_limits: TokenLimits) -> aiohttp.TraceConfig:
    """Sees every call on the wire, also those after which the library tries again by itself."""

    async def begins(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, _begun: aiohttp.TraceRequestStartParams
    ) -> None:
        tell_errand(is_waiting=False)

    async def ends(_session: aiohttp.ClientSession, _context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams) -> None:
        _count(ended.response)
        token_limits.note(ended.response)
        if ended.response.status >= 500:
            tell_errand(is_waiting=True)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begins)
    trace.on_request_end.append(ends)
    return trace


def _count(response: aiohttp.ClientResponse) -> None:
    """Refusals."""
    if response.status == 429:
        metrics.REFUSED_CALLS.labels("discord", response.headers.get("X-RateLimit-Scope", "address")).inc()
    elif response.status in (401, 403):
        metrics.REFUSED_CALLS.labels("discord", "forbidden").inc()
