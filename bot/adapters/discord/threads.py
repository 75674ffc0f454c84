"""/thread: a thread that the bot begins, in which somebody talks with it apart from the channel."""

from __future__ import annotations

import discord

from bot.adapters.discord.tokens import Interaction
from bot.i18n import best, say
from bot.run import Front

_NAME_CHARS = 100


async def begin_thread(front: Front, interaction: Interaction, name: str) -> None:
    """Where both the person and the bot may; asked of Discord only then."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    language = best(str(interaction.locale), front.settings.language)
    channel, may = interaction.channel, interaction.permissions.create_public_threads
    if not isinstance(channel, discord.TextChannel) or not (may and interaction.app_permissions.create_public_threads):
        await interaction.edit_original_response(content=say(language, "discord-thread-refused"))
        return
    title = name.strip() or say(language, "discord-thread-name", name=interaction.user.display_name)
    thread = await channel.create_thread(name=title[:_NAME_CHARS], type=discord.ChannelType.public_thread)
    await thread.add_user(interaction.user)
    await thread.send(_welcome(front, language, channel.guild.me.mention))
    await interaction.edit_original_response(content=thread.mention)


def _welcome(front: Front, language: str, me: str) -> str:
    if front.settings.discord_message_content:
        return say(language, "discord-thread-all")
    return say(language, "discord-thread-named", name=me)
