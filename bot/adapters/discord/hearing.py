"""What a message means: who speaks to the bot, and what they say. Everything else is none of its business."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import discord

from bot.adapters.discord.places import Places
from bot.adapters.discord.quoting import unreadable, with_quotes, without_marks
from bot.adapters.shared.taking import Said
from bot.core.messages import Incoming, Line

_SPOKEN = (discord.MessageType.default, discord.MessageType.reply)


class Ears:
    """`me` is the bot's own id; `names` are words that call it where all messages can be read.

    `language` is that of what is added to a person's words.
    """

    def __init__(self, me: int, places: Places, names: Callable[[], tuple[str, ...]], language: Callable[[], str]) -> None:
        self._me, self._places, self._names, self._language = me, places, names, language

    def hear(self, message: discord.Message, *, is_edit: bool = False) -> Said | None:
        """None when it is not for the bot. A bare mention gives a `Said` without words."""
        if not self._is_somebody(message) or not self._is_to_me(message):
            return None
        own = self._words(message)
        is_command = own.startswith("/")
        if is_edit and (is_command or not own):
            return None  # a command counts as it was given
        text = own if is_command else with_quotes(message, own, self._me, self._language())
        where = self._places.conversation(message.channel, message.author.id)
        line = _line(message, text, is_edit)
        incoming = Incoming(where, line, None, _server(message), tentative=is_edit, manages=_manages(message))
        return Said(incoming, unreadable(message))

    def _is_somebody(self, message: discord.Message) -> bool:
        """Not a bot, a webhook or the platform: answering them may never end."""
        return not message.author.bot and message.webhook_id is None and message.type in _SPOKEN

    def _is_to_me(self, message: discord.Message) -> bool:
        """By a direct message, by name (not @everyone, not a role), by a reply, or in a thread that the bot began."""
        if message.guild is None or any(user.id == self._me for user in message.mentions):
            return True
        if not message.content:
            return False  # Discord shows such a message to nobody whom it does not name
        answered = message.reference.resolved if message.reference else None
        is_reply = isinstance(answered, discord.Message) and answered.author.id == self._me
        is_thread = isinstance(message.channel, discord.Thread) and message.channel.owner_id == self._me
        return is_reply or is_thread or self._is_called(message.content)

    def _is_called(self, text: str) -> bool:
        return any(re.match(rf"\W*{re.escape(name)}\b", text, re.IGNORECASE) for name in self._names())

    def _words(self, message: discord.Message) -> str:
        bare = re.sub(rf"<@!?{self._me}>[ ,:]*", "", message.content)
        return without_marks(message, bare).strip()


def _line(message: discord.Message, text: str, is_edit: bool) -> Line:
    at = (message.edited_at if is_edit else None) or message.created_at
    id = f"{message.id}e{int(at.timestamp() * 1000)}" if is_edit else str(message.id)
    return Line(text, id, str(message.id), message.author.display_name, at.timestamp(), "edit" if is_edit else "say")


def _server(message: discord.Message) -> str | None:
    return str(message.guild.id) if message.guild else None


def _manages(message: discord.Message) -> bool:
    author: Any = message.author
    return isinstance(author, discord.Member) and author.guild_permissions.manage_guild
