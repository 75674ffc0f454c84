"""The bot comes into a server, and leaves it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import discord
import structlog

from bot.adapters.discord.places import Places
from bot.adapters.shared.taking import Taking
from bot.core.messages import Conversation
from bot.i18n import best, say
from bot.run import Front

log = structlog.get_logger()


class Leaving:
    """Of one bot account."""

    def __init__(self, front: Front, places: Places, taking: Taking) -> None:
        self._front, self._places, self._taking = front, places, taking

    async def hello(self, guild: discord.Guild) -> None:
        """Where Discord greets newcomers itself; nowhere, if that is closed."""
        channel, me = guild.system_channel, guild.me
        if channel is None or not channel.permissions_for(me).send_messages:
            return
        language = best(str(guild.preferred_locale), self._front.settings.language)
        with suppress(discord.HTTPException):
            await channel.send(say(language, "discord-hello-server", name=me.mention))

    async def left(self, guild: discord.Guild) -> None:
        """Nobody is there to read a reply. What channels shared was the server's, and goes with it."""
        log.info("left a server", action="left")
        await asyncio.to_thread(self._end, [self._places.conversation(one, 0) for one in guild.channels])

    def _end(self, channels: list[Conversation]) -> None:
        """What is kept of people stays theirs, until they erase it or the retention ends."""
        for channel in channels:
            self._taking.leave(channel)
            self._front.people.forget(channel.shared)
