"""The link by which somebody takes the bot into a server."""

from __future__ import annotations

import discord

_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    create_public_threads=True,
    read_message_history=True,
    embed_links=True,
    attach_files=True,
)


def invite_link(bot_id: int) -> str:
    """With what the bot needs, and nothing else: no administrator, no reading of what does not name it."""
    return discord.utils.oauth_url(bot_id, permissions=_PERMISSIONS, scopes=("bot", "applications.commands"))
