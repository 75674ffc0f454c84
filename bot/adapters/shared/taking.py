"""What is done with what people say. When `take` returns, the update is safe in Redis or answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Literal

from bot.adapters.shared.answering import Answering
from bot.commands import Answer
from bot.core.messages import Conversation, Incoming
from bot.gate import turn_away
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front

Unreadable = Literal["sticker", "voice", "picture", "video", "file", "nothing", "other"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message to the bot. `cannot` is what stands in it that the bot cannot read."""

    incoming: Incoming
    cannot: Unreadable | None = None


class Taking:
    """Of one bot account."""

    def __init__(self, front: Front, reception: Reception, answering: Answering[Any]) -> None:
        self._front, self._reception, self._answering = front, reception, answering

    async def take(self, said: Said) -> None:
        line, where = said.incoming.line, said.incoming.conversation
        if line.at < time.time() - self._front.settings.age_hours * 3600:
            return
        remark = await asyncio.to_thread(self._remark, said) if said.cannot else None
        if line.text:
            answer = await self._reception.receive(said.incoming)
            if answer is not None:
                self.tell(where, answer, line.message_id)
            if answer is not None and not answer.reply_follows:
                return  # not taken: nothing is answered of it, words neither
        if remark is not None:
            self.tell(where, remark, line.message_id)

    async def stop(self, incoming: Incoming) -> None:
        """Asked for by a sign of the platform's own, which needs no answer in words."""
        await self._reception.receive(incoming)

    def tell(self, where: Conversation, answer: Answer, reply_to: str = "") -> None:
        """Soon: a chat that has to wait for its answers does not hold up what comes in."""
        if answer.text or answer.documents:
            self._answering.tell_soon(where, answer, reply_to)

    def leave(self, where: Conversation) -> None:
        """Nobody in that chat can read a reply. What is kept stays, until the person erases it or the retention ends."""
        for conversation in self._front.inbox.in_chat(where):
            self._front.inbox.stop(conversation)

    def _remark(self, said: Said) -> Answer | None:
        """That something in it cannot be read; as any answer only to who is heard."""
        front, incoming = self._front, said.incoming
        language = best(front.people.preferences(incoming.conversation).language, incoming.language, front.settings.language)
        if front.inbox.is_known(incoming):
            return None
        if incoming.line.text:
            return Answer(say(language, "words-alone", what=said.cannot or "other"))
        front.inbox.mark_seen(incoming)
        refusal = turn_away(front, incoming, None, language)
        return refusal if refusal is not None else Answer(say(language, "cannot", what=said.cannot or "other"))
