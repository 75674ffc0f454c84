"""What is done with what was heard. When `take` returns, the update is safe in Redis or answered."""

from __future__ import annotations

import asyncio
import time

from telegram import Update

from bot.adapters.telegram.answering import Answering
from bot.adapters.telegram.hearing import Ears, Halted, Heard, Joined, Left, Moved, Pressed, Said, Unknown
from bot.adapters.telegram.keeping import Keeping
from bot.adapters.telegram.places import Places
from bot.adapters.telegram.pressing import Pressing
from bot.commands import Answer
from bot.core.messages import Conversation
from bot.gate import turn_away
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front

_ANSWER_SECONDS = 5.0
"""An answer that a flood limit holds up longer than this does not hold up what comes in."""


class Handling:
    """`name` is how the bot is mentioned in a group."""

    def __init__(
        self,
        front: Front,
        ears: Ears,
        reception: Reception,
        places: Places,
        pressing: Pressing,
        keeping: Keeping,
        answering: Answering,
        name: str,
    ) -> None:
        self._front, self._ears, self._reception, self._places = front, ears, reception, places
        self._pressing, self._keeping, self._answering, self._name = pressing, keeping, answering, name

    async def take(self, update: Update) -> None:
        heard = self._ears.hear(update)
        if isinstance(heard, Said):
            await self._said(heard)
        elif isinstance(heard, Pressed):
            await self._pressing.take(heard)
        elif heard is not None:
            await self._other(heard)

    async def _other(self, heard: Heard) -> None:
        if isinstance(heard, Moved):
            await asyncio.to_thread(self._places.learn, heard.old, heard.new)
        elif isinstance(heard, Halted):
            await asyncio.to_thread(self._front.inbox.stop, heard.where)
        elif isinstance(heard, Left):
            await asyncio.to_thread(self._leave, heard.where)
        elif isinstance(heard, Joined):
            language = best(heard.language, self._front.settings.language)
            await self._tell(heard.where, Answer(say(language, "telegram-hello-group", name=self._name)))
        elif isinstance(heard, Unknown):
            language = best(heard.language, self._front.settings.language)
            if await asyncio.to_thread(self._front.limits.tells_again, heard.where, "anonymous"):
                await self._tell(heard.where, Answer(say(language, "telegram-anonymous")), heard.message_id)

    async def _said(self, said: Said) -> None:
        line, where = said.incoming.line, said.incoming.conversation
        if line.at < time.time() - self._front.settings.telegram_age_hours * 3600:
            return
        remark = await asyncio.to_thread(self._remark, said) if said.cannot else None
        if line.text:
            answer = await self._reception.receive(said.incoming)
            if answer is not None:
                await self._tell(where, answer, line.message_id)
            if answer is not None and not answer.reply_follows:
                return  # not taken: nothing is answered of it, words neither
        if remark is not None:
            await self._tell(where, remark, line.message_id)

    def _remark(self, said: Said) -> Answer | None:
        """That something in it cannot be read: once for an album, and as any answer only to who is heard."""
        front, incoming = self._front, said.incoming
        language = best(front.people.preferences(incoming.conversation).language, incoming.language, front.settings.language)
        if front.inbox.is_known(incoming) or (said.album and not self._keeping.is_first_of_album(said.album)):
            return None
        if incoming.line.text:
            return Answer(say(language, "telegram-words-alone", what=said.cannot or "other"))
        front.inbox.mark_seen(incoming)
        refusal = turn_away(front, incoming, None, language)
        return refusal if refusal is not None else Answer(say(language, "telegram-cannot", what=said.cannot or "other"))

    def _leave(self, where: Conversation) -> None:
        """Nobody is there to read a reply. What is kept stays, until the person erases it or the retention ends."""
        for conversation in self._front.people.conversations(where):
            if conversation.chat == where.chat:
                self._front.inbox.stop(conversation)

    async def _tell(self, where: Conversation, answer: Answer, reply_to: str = "") -> None:
        if answer.text or answer.documents:
            await asyncio.wait({self._answering.tell_soon(where, answer, reply_to)}, timeout=_ANSWER_SECONDS)
