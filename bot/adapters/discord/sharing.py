"""A channel in which everybody has one talk with the bot: what goes to it, and under whose name."""

from __future__ import annotations

from dataclasses import replace

from bot import commands
from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.shared.places import is_private
from bot.commands import Answer
from bot.core.messages import Incoming
from bot.i18n import best, say
from bot.run import Front

_OF_THE_TALK = {"new", "stop", "retry", "undo", "memory", "reset", "persona", "think"}
_FOR_MANAGERS = {"reset", "persona", "think"}
"""They hold for everybody there."""


class Sharing:
    def __init__(self, front: Front, keeping: DiscordKeeping) -> None:
        self._front, self._keeping = front, keeping

    def place(self, incoming: Incoming) -> Incoming | Answer:
        """The same in everybody's conversation, if the channel has one and it belongs there; or why it cannot be."""
        if is_private(incoming.conversation):
            return incoming
        preferences = self._front.people.preferences(incoming.conversation)
        if preferences.memory != "shared":
            return incoming
        language = best(preferences.language, incoming.language, preferences.hint, self._front.settings.language)
        ask = commands.parse(incoming, language)
        if ask is not None and ask.name not in _OF_THE_TALK:
            return incoming
        if ask is not None and ask.name in _FOR_MANAGERS and not incoming.manages:
            return Answer(say(language, "channel-only-managers"), private=True)
        own = incoming.conversation
        if incoming.server is not None:
            self._keeping.share(own.chat, incoming.server)
        return replace(incoming, conversation=own.shared, line=replace(incoming.line, speaker=own.person))
