"""What is done with what was heard. Discord tells each thing once: what cannot be kept now is tried again until it can."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import discord
from redis.exceptions import RedisError

from bot.adapters.discord.hearing import Ears
from bot.adapters.discord.interacting import Interacting
from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.leaving import Leaving
from bot.adapters.discord.sharing import Sharing
from bot.adapters.discord.surface import DiscordSurface
from bot.adapters.shared.back_off import BackOff
from bot.adapters.shared.taking import Said, Taking
from bot.commands import Answer
from bot.core.messages import Conversation
from bot.i18n import say
from bot.run import Front


class Handling:
    """The events of one bot account. `catch_up` is told of new sessions; `name` is how the bot is mentioned."""

    def __init__(
        self,
        front: Front,
        ears: Ears,
        sharing: Sharing,
        taking: Taking,
        interacting: Interacting,
        surface: DiscordSurface,
        keeping: DiscordKeeping,
        leaving: Leaving,
    ) -> None:
        self._front, self._ears, self._sharing, self._taking = front, ears, sharing, taking
        self._interacting, self._surface, self._keeping, self._leaving = interacting, surface, keeping, leaving
        self._orders: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self.catch_up: Callable[[int], Awaitable[None]] | None = None

    async def message(self, message: discord.Message) -> None:
        """In the order they came in each channel."""
        if said := self._ears.hear(message):
            await self._in_order(message.channel.id, lambda: self._said(message, said))

    async def edited(self, message: discord.Message) -> None:
        """Also when Discord adds a preview; that is no edit of anybody's."""
        if message.edited_at is not None and (said := self._ears.hear(message, is_edit=True)):
            await self._in_order(message.channel.id, lambda: self._said(message, said))

    async def interacted(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.type is discord.InteractionType.component:
            await self._interacting.press(interaction)

    async def joined(self, guild: discord.Guild) -> None:
        await self._leaving.hello(guild)

    async def left(self, guild: discord.Guild) -> None:
        await self._keep_trying(lambda: self._leaving.left(guild))

    async def ready(self, shard: int) -> None:
        await self._keep_trying(lambda: self._leaving.look(shard))
        if self.catch_up is not None:
            await self.catch_up(shard)

    async def _said(self, message: discord.Message, said: Said) -> None:
        await asyncio.to_thread(self._keeping.heard, message.channel.id, message.id)
        placed = await asyncio.to_thread(self._sharing.place, said.incoming)
        where, line = said.incoming.conversation, said.incoming.line
        if isinstance(placed, Answer):
            self._taking.tell(where, placed, line.message_id)
        elif not line.text and said.cannot is None:
            self._taking.tell(where, await asyncio.to_thread(self._hello, said), line.message_id)
        else:
            await self._taking.take(Said(placed, said.cannot))
            with suppress(Exception):  # a courtesy
                await self._type(placed.conversation)

    async def _type(self, where: Conversation) -> None:
        if await asyncio.to_thread(self._front.inbox.num_waiting, where):
            await self._surface.begin_typing(where)

    def _hello(self, said: Said) -> Answer:
        """To who said nothing but the bot's name."""
        is_new = self._front.inbox.mark_seen(said.incoming)
        return Answer(say(self._front.language(said.incoming.conversation), "discord-called") if is_new else "")

    async def _in_order(self, channel: int, do: Callable[[], Awaitable[None]]) -> None:
        order = self._orders.setdefault(channel, asyncio.Lock())
        async with order:
            await self._keep_trying(do)

    async def _keep_trying(self, do: Callable[[], Awaitable[None]]) -> None:
        back_off = BackOff("cannot keep what came in; trying again", "receive")
        while True:
            try:
                return await do()
            except RedisError as problem:
                await back_off.wait(problem)
