"""Commands and buttons: Discord waits three seconds for a sign, so that is given first."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import structlog
from redis.exceptions import RedisError

from bot.adapters.discord.places import Places
from bot.adapters.discord.sending import view
from bot.adapters.discord.sharing import Sharing
from bot.adapters.discord.surface import DiscordSurface
from bot.adapters.discord.tokens import Interaction, Tokens
from bot.adapters.discord.writing import DiscordForm
from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.pressing import Pressed, Pressing
from bot.alerts import Alert, tell_owners
from bot.commands import Answer
from bot.core.messages import Incoming, Line
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front

log = structlog.get_logger()


class Interacting:
    """Answers of commands are for the person alone, except for the talk itself."""

    def __init__(
        self,
        front: Front,
        reception: Reception,
        places: Places,
        sharing: Sharing,
        buttons: Buttons,
        form: DiscordForm,
        tokens: Tokens,
        surface: DiscordSurface,
        pressing: Pressing,
    ) -> None:
        self._front, self._reception, self._places, self._sharing = front, reception, places, sharing
        self._buttons, self._form, self._tokens = buttons, form, tokens
        self._surface, self._pressing = surface, pressing

    async def command(self, interaction: Interaction, text: str) -> None:
        """As if it had been written."""
        await interaction.response.defer(ephemeral=interaction.guild_id is not None, thinking=True)
        async with self._told_if_lost(interaction):
            incoming = self._incoming(interaction, text)
            placed = await asyncio.to_thread(self._sharing.place, incoming)
            answer = placed if isinstance(placed, Answer) else await self._reception.receive(placed)
            await self._tell(interaction, incoming, answer or Answer(""))

    async def chat(self, interaction: Interaction, text: str) -> None:
        """The reply grows in the answer to the command."""
        await interaction.response.defer(thinking=True)
        original = await interaction.original_response()
        self._tokens.keep(original.id, interaction)
        async with self._told_if_lost(interaction):
            incoming = self._incoming(interaction, text)
            placed = await asyncio.to_thread(self._sharing.place, incoming)
            if isinstance(placed, Answer):
                await self._tell(interaction, incoming, placed)
            else:
                self._tokens.keep(placed.conversation, interaction)
                await self._chat(interaction, placed, original.id)

    async def _chat(self, interaction: Interaction, incoming: Incoming, original: int) -> None:
        await self._surface.expect(incoming.conversation, original)
        answer = await self._reception.receive(incoming)
        if answer is not None and not answer.reply_follows:
            await self._surface.expect_no_more(incoming.conversation, original)
            await self._tell(interaction, incoming, answer)
        elif answer is not None and answer.text:
            await interaction.followup.send(answer.text)

    async def report(self, interaction: Interaction, message: discord.Message) -> None:
        """Of a message: those who run the bot get the place of it, and by whom; its words stay where they are."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with self._told_if_lost(interaction):
            await self._report(interaction, message)

    async def _report(self, interaction: Interaction, message: discord.Message) -> None:
        language = await self._language(interaction)
        alert = Alert("alert-report", {"whom": str(interaction.user.id), "link": message.jump_url})
        told = await asyncio.to_thread(tell_owners, self._front, self._places.surface, alert.key, None, **alert.values)
        log.info("a message was reported", action="report")
        await interaction.edit_original_response(content=say(language, f"report-{'told' if told else 'known'}"))

    async def press(self, interaction: Interaction) -> None:
        given: Any = interaction.data
        message, data = interaction.message, given.get("custom_id")
        if message is None or not isinstance(data, str):
            return
        await interaction.response.defer()
        self._tokens.keep(message.id, interaction)
        incoming = self._incoming(interaction, "")

        async def tell(words: str) -> None:
            if words:
                await interaction.followup.send(words, ephemeral=True)

        pressed = Pressed(
            incoming.conversation,
            data,
            message.id,
            incoming.line.update_id,
            incoming.line.author,
            incoming.language,
            tell,
            incoming.server,
            incoming.manages,
            is_alone=message.flags.ephemeral,
        )
        try:
            await self._pressing.take(pressed)
        except RedisError:
            await tell(say(best(incoming.language, self._front.settings.language), "discord-again"))

    @asynccontextmanager
    async def _told_if_lost(self, interaction: Interaction) -> AsyncIterator[None]:
        """What cannot be kept now is not tried again behind the person's back: they see it, and can."""
        try:
            yield
        except RedisError:
            language = best(str(interaction.locale), self._front.settings.language)
            await interaction.edit_original_response(content=say(language, "discord-again"))

    async def _tell(self, interaction: Interaction, incoming: Incoming, answer: Answer) -> None:
        parts = self._form.plain(answer.text)
        if not parts and not answer.documents:
            await interaction.delete_original_response()
            return
        keys = view(self._buttons.for_choices(incoming.conversation, answer.choices))
        is_one = len(parts) < 2
        await interaction.edit_original_response(content="".join(parts[:1]) or None, view=keys if is_one else None)
        is_hidden = interaction.guild_id is not None
        for number, part in enumerate(parts[1:], 2):
            more: dict[str, Any] = {"view": keys} if keys and number == len(parts) else {}
            await interaction.followup.send(part, ephemeral=is_hidden, **more)
        if answer.documents:
            files = [discord.File(io.BytesIO(one.content), one.name) for one in answer.documents]
            await interaction.followup.send(files=files, ephemeral=is_hidden)

    async def _language(self, interaction: Interaction) -> str:
        incoming = self._incoming(interaction, "")
        chosen = await asyncio.to_thread(self._front.people.preferences, incoming.conversation)
        return best(chosen.language, incoming.language, self._front.settings.language)

    def _incoming(self, interaction: Interaction, text: str) -> Incoming:
        user, id = interaction.user, str(interaction.id)
        where = self._places.conversation(interaction.channel, user.id)
        line = Line(text, id, f"i{id}", user.display_name, time.time())
        server = str(interaction.guild_id) if interaction.guild_id else None
        manages = server is not None and interaction.permissions.manage_guild
        return Incoming(where, line, str(interaction.locale), server, manages=manages)
