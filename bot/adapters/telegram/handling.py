"""What is done with what was heard. When `take` returns, the update is safe in Redis or answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from telegram import Update

from bot.adapters.shared.pressing import Pressed, Pressing
from bot.adapters.shared.taking import Taking
from bot.adapters.telegram.hearing import Ears, Halted, Heard, Joined, Left, Moved, Sent, Unknown
from bot.adapters.telegram.keeping import TelegramKeeping
from bot.adapters.telegram.places import Places
from bot.commands import Answer
from bot.i18n import best, say
from bot.run import Front


class Handling:
    """`name` is how the bot is mentioned in a group."""

    def __init__(
        self,
        front: Front,
        ears: Ears,
        places: Places,
        taking: Taking,
        pressing: Pressing,
        keeping: TelegramKeeping,
        name: str,
    ) -> None:
        self._front, self._ears, self._places = front, ears, places
        self._taking, self._pressing, self._keeping, self._name = taking, pressing, keeping, name

    async def take(self, update: Update) -> None:
        heard = self._ears.hear(update)
        if isinstance(heard, Sent):
            await self._sent(heard)
        elif isinstance(heard, Pressed):
            await self._pressing.take(heard)
        elif heard is not None:
            await self._other(heard)

    async def _sent(self, sent: Sent) -> None:
        """An album comes as many messages; that it cannot be seen is said once."""
        if sent.cannot and sent.album:
            update = sent.incoming.line.update_id
            if not await asyncio.to_thread(self._keeping.is_first_of_album, sent.album, update):
                sent = replace(sent, cannot=None)
        await self._taking.take(sent)

    async def _other(self, heard: Heard) -> None:
        if isinstance(heard, Moved):
            await asyncio.to_thread(self._places.learn, heard.old, heard.new)
        elif isinstance(heard, Halted):
            await self._taking.stop(heard.incoming)
        elif isinstance(heard, Left):
            await asyncio.to_thread(self._taking.leave, heard.where)
        elif isinstance(heard, Joined):
            language = best(heard.language, self._front.settings.language)
            self._taking.tell(heard.where, Answer(say(language, "telegram-hello-group", name=self._name)))
        elif isinstance(heard, Unknown):
            language = best(heard.language, self._front.settings.language)
            if await asyncio.to_thread(self._front.limits.tells_again, heard.where, "anonymous"):
                self._taking.tell(heard.where, Answer(say(language, "telegram-anonymous")), heard.message_id)
