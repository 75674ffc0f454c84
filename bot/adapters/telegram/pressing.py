"""What happens when somebody presses a button: at once, and only for whom it is."""

from __future__ import annotations

import asyncio
import time

import structlog
from telegram.error import TelegramError

from bot.adapters.telegram.answering import Answering
from bot.adapters.telegram.buttons import Buttons, Press, mark_of
from bot.adapters.telegram.hearing import Pressed
from bot.adapters.telegram.keeping import Keeping
from bot.adapters.telegram.places import Places
from bot.adapters.telegram.surface import TelegramSurface
from bot.commands import Answer
from bot.core.messages import Conversation, Incoming, Line, Turn
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front
from bot.surface import Gone, NotSent, Reply

log = structlog.get_logger()

_TOAST_CHARS = 200


class Pressing:
    """Every press is answered to Telegram, else the button seems to hang."""

    def __init__(
        self,
        front: Front,
        reception: Reception,
        places: Places,
        buttons: Buttons,
        keeping: Keeping,
        answering: Answering,
        surface: TelegramSurface,
    ) -> None:
        self._front, self._reception, self._places, self._buttons = front, reception, places, buttons
        self._keeping, self._answering, self._surface = keeping, answering, surface

    async def take(self, pressed: Pressed) -> None:
        toast = await self._do(pressed)
        try:
            await pressed.query.answer(toast[:_TOAST_CHARS] or None)
        except TelegramError as problem:  # too late, or lost: what was asked for has been done
            log.info("a press was not answered", action="press", error=type(problem).__name__)

    async def _do(self, pressed: Pressed) -> str:
        """Gives what the person is told in passing."""
        user = pressed.query.from_user
        where = self._places.conversation(pressed.chat, pressed.thread, user.id)
        press = self._buttons.read(pressed.query.data or "", where.chat, where.thread)
        language = best(user.language_code, self._front.settings.language)
        if press is None:
            return say(language, "telegram-button-old")
        if press.person != user.id:
            return say(language, "telegram-button-of-another")
        language = await asyncio.to_thread(self._front.language, where)
        if press.deed in ("command", "kept", "stop"):
            return await self._command(pressed, where, press, language)
        turn = await asyncio.to_thread(self._front.memory.last, where)
        if turn is None or mark_of(turn.id) != press.mark:
            return say(language, "telegram-button-old")
        return await self._with_reply(pressed, where, press, turn, language)

    async def _command(self, pressed: Pressed, where: Conversation, press: Press, language: str) -> str:
        """As if it had been written; the answer takes the place of the question."""
        if press.deed == "stop":
            answer = await self._reception.receive(_incoming(pressed, where, "/stop"))
            return answer.text if answer else ""
        command = press.what if press.deed == "command" else await asyncio.to_thread(self._keeping.choice, press.what)
        if command is None:
            return say(language, "telegram-button-old")
        answer = await self._reception.receive(_incoming(pressed, where, command))
        if answer is not None and answer.text:
            assert pressed.query.message is not None, "a press without its message is not heard"
            self._answering.tell_soon(where, answer, instead=pressed.query.message.message_id)
        return ""

    async def _with_reply(self, pressed: Pressed, where: Conversation, press: Press, turn: Turn, language: str) -> str:
        if press.deed == "variant":
            answer = await self._reception.receive(_incoming(pressed, where, f"/retry {press.variant}"))
            return await self._turn_page(where, press, turn, answer)
        words = "/retry" if press.deed == "again" else say(language, "telegram-go-on")
        answer = await self._reception.receive(_incoming(pressed, where, words))
        if answer is not None and answer.wakes:  # a word beside the reply, such as the reminder that this is an AI
            self._answering.tell_soon(where, answer)
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
        try:
            await self._surface.browse(where, reply, [int(id) for id in ids])
        except (NotSent, Gone, TelegramError) as problem:
            log.info("an answer was not shown", action="browse", error=type(problem).__name__)
        return f"{press.variant}/{len(now.variants)}"


def _incoming(pressed: Pressed, where: Conversation, text: str) -> Incoming:
    """A press is a message like any other: limits, lists and the memory of updates hold for it."""
    user, id = pressed.query.from_user, str(pressed.update_id)
    return Incoming(where, Line(text, id, f"p{id}", user.first_name, time.time()), user.language_code)
