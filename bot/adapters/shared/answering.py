"""What the bot itself answers at once: texts with choices, files, and what is for one person's eyes alone."""

from __future__ import annotations

import asyncio
from typing import Generic

import structlog

from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.places import is_private, private
from bot.adapters.shared.sending import Form, Sender, Text
from bot.commands import Answer
from bot.core.messages import Conversation
from bot.i18n import say
from bot.run import Front
from bot.surface import Gone, NotSent

log = structlog.get_logger()

_NUM_TRIES = 5
_LONGEST_WAIT = 300.0


class Answering(Generic[Text]):
    """Tells answers one after the other to each chat that they are for, and never holds up what comes in."""

    def __init__(self, front: Front, sender: Sender[Text], form: Form[Text], buttons: Buttons) -> None:
        self._front, self._sender, self._form, self._buttons = front, sender, form, buttons
        self._telling: set[asyncio.Task[None]] = set()

    def tell_soon(self, where: Conversation, answer: Answer, reply_to: str = "", instead: int = 0) -> asyncio.Task[None]:
        """`instead` is the bot's own message, the question, that the answer takes the place of."""
        task = asyncio.create_task(self._try(where, answer, reply_to, instead))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Let what is being told come to its end, for a while."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=seconds)

    async def _try(self, where: Conversation, answer: Answer, reply_to: str, instead: int) -> None:
        for _ in range(_NUM_TRIES):
            try:
                await self._tell(where, answer, reply_to, instead)
                return
            except NotSent as refusal:
                await asyncio.sleep(min(refusal.seconds, _LONGEST_WAIT))
            except Gone:
                log.info("nobody to answer", action="gone")
                return
            except Exception as problem:  # it may have arrived: said twice is worse than said once
                log.warning("an answer is uncertain", action="uncertain", error=type(problem).__name__)
                return
        log.warning("an answer could not be sent", action="not_sent")

    async def _tell(self, where: Conversation, answer: Answer, reply_to: str, instead: int) -> None:
        if answer.private and not is_private(where):
            return await self._tell_privately(where, answer, reply_to)
        parts, choices = self._form.plain(answer.text), self._buttons.for_choices(where, answer.choices)
        if instead and len(parts) == 1 and await self._sender.edit(where, instead, parts[0], choices):
            parts = []
        for at, part in enumerate(parts):
            is_last = at == len(parts) - 1
            await self._sender.send(
                where, part, choices if is_last else (), reply_to if not at and not is_private(where) else ""
            )
        for document in answer.documents:
            await self._sender.document(where, document)
        return None

    async def _tell_privately(self, where: Conversation, answer: Answer, reply_to: str) -> None:
        """Where nobody else reads it; not every platform lets a bot write to whoever has not written to it."""
        language = await asyncio.to_thread(self._front.language, where)
        try:
            await self._tell(private(where), answer, "", 0)
            word = say(language, "told-privately")
        except Gone:
            word = say(language, f"write-first-{where.platform}")
        for part in self._form.plain(word):
            await self._sender.send(where, part, reply_to=reply_to)
