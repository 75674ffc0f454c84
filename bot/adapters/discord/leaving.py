"""The bot comes into a server, and leaves it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import discord
import structlog

from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.places import Places
from bot.adapters.shared.taking import Taking
from bot.i18n import best, say
from bot.run import Front

log = structlog.get_logger()


class Leaving:
    """Of one bot account."""

    def __init__(self, front: Front, places: Places, taking: Taking, keeping: DiscordKeeping) -> None:
        self._front, self._places, self._taking, self._keeping = front, places, taking, keeping

    async def hello(self, guild: discord.Guild) -> None:
        """Where Discord greets newcomers itself; nowhere, if that is closed."""
        channel, me = guild.system_channel, guild.me
        if channel is None or not channel.permissions_for(me).send_messages:
            return
        language = best(str(guild.preferred_locale), self._front.settings.language)
        with suppress(discord.HTTPException):
            await channel.send(self._hello(language, me.mention))

    def _hello(self, language: str, me: str) -> str:
        """It says what is read there."""
        if self._front.settings.discord_message_content:
            return say(language, "discord-hello-server-all", name=me)
        return say(language, "discord-hello-server", name=me)

    async def left(self, guild: discord.Guild) -> None:
        """Nobody is there to read a reply. What channels shared was the server's, and goes with it."""
        log.info("left a server", action="left")
        await asyncio.to_thread(self._end, [one.id for one in guild.channels])

    async def look(self, shard: int) -> None:
        """Which servers put the bot out while there was no session: of those nobody tells."""
        shared = await asyncio.to_thread(self._keeping.shared)
        ended = [channel for channel, server in shared.items() if self._places.has_left(server, shard)]
        if ended:
            log.info("left a server meanwhile", action="left")
            await asyncio.to_thread(self._end, ended)

    def _end(self, channels: list[int]) -> None:
        """What is kept of people stays theirs, until they erase it or the retention ends."""
        for where in (self._places.conversation(discord.Object(id), 0) for id in channels):
            self._taking.leave(where)
            self._front.people.forget(where.shared)
        self._keeping.share_no_more(channels)
