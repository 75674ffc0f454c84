"""What the bot itself answers at once: texts with choices, files, and what is for one person's eyes alone."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import structlog

from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.places import is_private, private
from bot.adapters.shared.sending import Form, Rows, Sender, Text
from bot.commands import Answer
from bot.core.messages import Conversation
from bot.i18n import say
from bot.run import Front
from bot.surface import Gone, NotSent

log = structlog.get_logger()
T = TypeVar("T")

_PATIENCE_SECONDS = 1200.0
_NAME_BYTES = 9


class Answering(Generic[Text]):
    """Tells answers one after the other to each chat that they are for, and never holds up what comes in."""

    def __init__(self, front: Front, sender: Sender[Text], form: Form[Text], buttons: Buttons) -> None:
        self._front, self._sender, self._form, self._buttons = front, sender, form, buttons
        self._telling: set[asyncio.Task[None]] = set()
        self._locks: WeakValueDictionary[Conversation, asyncio.Lock] = WeakValueDictionary()

    def tell_soon(
        self, where: Conversation, answer: Answer, reply_to: str = "", instead: int = 0, *, is_alone: bool = False
    ) -> None:
        """`instead` is the bot's own message, the question, that the answer takes the place of; `is_alone` when nobody
        but the person sees that."""
        self.soon(self._in_turn(where, answer, reply_to, instead, is_alone))

    def take_back_soon(self, where: Conversation, id: int) -> None:
        """The bot's own question, when nothing takes its place."""
        self.soon(self._take_back(where, id))

    async def _take_back(self, where: Conversation, id: int) -> None:
        with suppress(Exception):  # it may stand there
            await self._sender.delete(where, id)

    def soon(self, telling: Coroutine[Any, Any, None]) -> None:
        """Have it done while other things go on."""
        task = asyncio.create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def finish(self, seconds: float) -> None:
        """Let what is being told come to its end, for a while."""
        if self._telling:
            _, late = await asyncio.wait(self._telling, timeout=seconds)
            for task in late:
                task.cancel()

    async def _in_turn(self, where: Conversation, answer: Answer, reply_to: str, instead: int, is_alone: bool) -> None:
        lock = self._locks.setdefault(where, asyncio.Lock())
        async with lock:
            try:
                await self._tell(where, answer, reply_to, instead, is_alone)
            except NotSent:
                log.warning("an answer could not be sent", action="not_sent")
            except Gone:
                log.info("nobody to answer", action="gone")
            except Exception as problem:  # for the second time
                log.warning("an answer stays uncertain", action="uncertain", error=type(problem).__name__)

    async def _tell(self, where: Conversation, answer: Answer, reply_to: str, instead: int, is_alone: bool) -> None:
        parts, choices = self._form.plain(answer.text), self._buttons.for_choices(where, answer.choices)
        fits = is_alone and len(parts) == 1 and not answer.documents
        if answer.private and not (fits or is_private(where)):
            return await self._tell_privately(where, answer, reply_to)
        if instead and len(parts) == 1 and await _patiently(lambda: self._sender.edit(where, instead, parts[0], choices)):
            parts = []
        for at, part in enumerate(parts):
            keys = choices if at == len(parts) - 1 else ()
            await self._send(where, part, keys, reply_to if not at and not is_private(where) else "")
        for document in answer.documents:
            await self._certainly(where, partial(self._sender.document, where, document))
        return None

    async def _send(self, where: Conversation, part: Text, keys: Rows = (), reply_to: str = "") -> None:
        once = secrets.token_urlsafe(_NAME_BYTES)
        await self._certainly(where, lambda: self._sender.send(where, part, keys, reply_to, once=once))

    async def _certainly(self, where: Conversation, call: Callable[[], Awaitable[object]]) -> None:
        """What may not have arrived is said once more, behind a remark."""
        try:
            await _patiently(call)
        except (NotSent, Gone):
            raise
        except Exception as problem:  # a platform's library, in a way of its own
            log.warning("an answer is uncertain", action="uncertain", error=type(problem).__name__)
            language = await asyncio.to_thread(self._front.language, where)
            for remark in self._form.plain(say(language, "note-repeat")):
                await _patiently(partial(self._sender.send, where, remark))
            await _patiently(call)

    async def _tell_privately(self, where: Conversation, answer: Answer, reply_to: str) -> None:
        """Where nobody else reads it; not every platform lets a bot write to whoever has not written to it."""
        language = await asyncio.to_thread(self._front.language, where)
        try:
            await self._tell(private(where), answer, "", 0, False)
            word = say(language, "told-privately")
        except Gone:
            word = say(language, f"write-first-{where.platform}")
        for part in self._form.plain(word):
            await self._send(where, part, (), reply_to)


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """One message, tried again while a limit or a network that is away is in the way: however often, but not for ever."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await call()
        except NotSent as refusal:
            if time.monotonic() + refusal.seconds > until:
                raise
            await asyncio.sleep(refusal.seconds)
