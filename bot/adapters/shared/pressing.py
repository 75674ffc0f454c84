"""What happens when somebody presses a button: at once, and only for whom it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.adapters.shared.answering import Answering
from bot.adapters.shared.buttons import Buttons, Press, mark_of
from bot.adapters.shared.keeping import Keeping
from bot.adapters.shared.surface import PagedSurface
from bot.commands import Answer
from bot.core.messages import Conversation, Incoming, Line, Turn
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front
from bot.surface import Reply

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pressed:
    """A press: `where` is the conversation of whoever presses, `message_id` the message with the button.

    `tell` says something in passing to that person alone, or nothing, and must be called soon.
    """

    where: Conversation
    data: str
    message_id: int
    update_id: str
    name: str
    language: str | None
    tell: Callable[[str], Awaitable[None]]
    server: str | None = None
    manages: bool = False
    is_alone: bool = False
    """Whether nobody else sees the message with the button."""
    person: str = ""
    """Who presses, where the conversation is everybody's."""

    def writes(self, text: str) -> Incoming:
        """A press is a message like any other: limits, lists and the memory of updates hold for it."""
        line = Line(text, self.update_id, f"p{self.update_id}", self.name, time.time(), speaker=self.person)
        return Incoming(self.where, line, self.language, self.server, manages=self.manages)

    def of(self, person: str) -> Pressed | None:
        """As a press in that person's conversation, if it is theirs: their own, or everybody's there."""
        if person == self.where.person:
            return self
        return replace(self, where=self.where.shared, person=self.where.person) if person == self.where.shared.person else None


class Pressing:
    """Every press is answered to the platform, else the button seems to hang."""

    def __init__(
        self,
        front: Front,
        reception: Reception,
        buttons: Buttons,
        keeping: Keeping,
        answering: Answering[Any],
        surface: PagedSurface[Any],
    ) -> None:
        self._front, self._reception, self._buttons = front, reception, buttons
        self._keeping, self._answering, self._surface = keeping, answering, surface

    async def take(self, pressed: Pressed) -> None:
        passing = await self._do(pressed)
        self._answering.soon(self._pass(pressed, passing))

    async def _pass(self, pressed: Pressed, passing: str) -> None:
        try:
            await pressed.tell(passing)
        except Exception as problem:  # too late, or lost: what was asked for has been done
            log.info("a press was not answered", action="press", error=type(problem).__name__)

    async def _do(self, pressed: Pressed) -> str:
        """Gives what the person is told in passing."""
        press = self._buttons.read(pressed.data, pressed.where.chat, pressed.where.thread)
        language = best(pressed.language, self._front.settings.language)
        if press is None:
            return say(language, "button-old")
        theirs = pressed.of(press.person)
        if theirs is None:
            return say(language, "button-of-another")
        return await self._for(theirs, press)

    async def _for(self, pressed: Pressed, press: Press) -> str:
        where = pressed.where
        language = await asyncio.to_thread(self._front.language, where)
        if press.deed in ("command", "kept", "stop"):
            return await self._command(pressed, press, language)
        turn = await asyncio.to_thread(self._front.memory.last, where)
        if turn is None or mark_of(turn.id) != press.mark:
            return say(language, "button-old")
        return await self._with_reply(pressed, press, turn, language)

    async def _command(self, pressed: Pressed, press: Press, language: str) -> str:
        """As if it had been written; the answer takes the place of the question."""
        if press.deed == "stop":
            answer = await self._reception.receive(pressed.writes("/stop"))
            return answer.text if answer else ""
        command = press.what if press.deed == "command" else await asyncio.to_thread(self._keeping.choice, press.what)
        if command is None:
            return say(language, "button-old")
        answer = await self._reception.receive(pressed.writes(command))
        if answer is None:  # a reply follows
            self._answering.take_back_soon(pressed.where, pressed.message_id)
        elif answer.text:
            self._answering.tell_soon(pressed.where, answer, instead=pressed.message_id, is_alone=pressed.is_alone)
        return ""

    async def _with_reply(self, pressed: Pressed, press: Press, turn: Turn, language: str) -> str:
        if press.deed == "variant":
            answer = await self._reception.receive(pressed.writes(f"/retry {press.variant}"))
            return await self._turn_page(pressed.where, press, turn, answer)
        words = "/retry" if press.deed == "again" else say(language, "go-on")
        answer = await self._reception.receive(pressed.writes(words))
        if answer is not None and answer.wakes:  # a word beside the reply, such as the reminder that this is an AI
            self._answering.tell_soon(pressed.where, answer)
            return ""
        return answer.text if answer is not None else ""

    async def _turn_page(self, where: Conversation, press: Press, turn: Turn, answer: Answer | None) -> str:
        """The chosen answer in place of the one that stands there, if it counts now."""
        now = await asyncio.to_thread(self._front.memory.last, where)
        if now is None or now.id != turn.id or not 1 <= press.variant <= len(now.variants):
            return answer.text if answer else ""
        text = now.variants[press.variant - 1]
        if now.reply != text:
            return answer.text if answer else ""  # busy, or not allowed now
        ids = (await asyncio.to_thread(self._front.memory.sent, where)).get(turn.id, [])
        reply = Reply(text, turn=turn.id, variant=press.variant, num_variants=len(now.variants))
        self._answering.soon(self._browse(where, reply, [int(id) for id in ids]))
        return f"{press.variant}/{len(now.variants)}"

    async def _browse(self, where: Conversation, reply: Reply, ids: list[int]) -> None:
        try:
            await self._surface.browse(where, reply, ids)
        except Exception as problem:  # it counts all the same
            log.info("an answer was not shown", action="browse", error=type(problem).__name__)
