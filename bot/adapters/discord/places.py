"""Where a conversation is on Discord: a channel, a thread in it, or a person's direct messages."""

from __future__ import annotations

from typing import Any

import discord
from discord.abc import Messageable

from bot.adapters.shared.places import is_private
from bot.core.messages import Conversation

PLATFORM = "discord"


class Places:
    """Of one bot account."""

    def __init__(self, bot_id: int, client: discord.Client) -> None:
        self._bot, self._client = str(bot_id), client

    @property
    def surface(self) -> str:
        return f"{PLATFORM}:{self._bot}"

    def conversation(self, channel: Any, person: int) -> Conversation:
        """Direct messages go by the person's name: their channel can be asked for, and never changes for two people."""
        if _is_direct(channel):
            return Conversation(PLATFORM, self._bot, str(person), "0", str(person))
        if isinstance(channel, discord.Thread):
            return Conversation(PLATFORM, self._bot, str(channel.parent_id), str(channel.id), str(person))
        return Conversation(PLATFORM, self._bot, str(channel.id), "0", str(person))

    def has_left(self, server: int, shard: int) -> bool:
        """Whether that shard's session, which begins with all of its servers, has none of that id."""
        return (server >> 22) % (self._client.shard_count or 1) == shard and self._client.get_guild(server) is None

    async def channel(self, where: Conversation) -> Messageable:
        """Where to write to. Raises what the library raises for one that is gone or closed to the bot."""
        if is_private(where):
            return await self._client.create_dm(discord.Object(int(where.person)))
        channel = await self.find(channel_id(where))
        assert isinstance(channel, Messageable), "people wrote there"
        return channel

    async def find(self, id: int) -> Any:
        """By its id, which is in the cache unless it is an archived thread or direct messages."""
        return self._client.get_channel(id) or await self._client.fetch_channel(id)


def channel_id(where: Conversation) -> int:
    return int(where.chat if where.thread == "0" else where.thread)


def _is_direct(channel: Any) -> bool:
    is_nameless = isinstance(channel, discord.PartialMessageable) and channel.guild_id is None
    return is_nameless or isinstance(channel, discord.DMChannel)
