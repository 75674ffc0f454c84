"""What delivery sees of the terminal: drafts to show, finals to deliver."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable
from typing import Protocol

from bot.core.messages import Conversation, Draft
from bot.core.shell import user_here
from bot.run import Front
from bot.surface import NotSent, Reply

_NEVER_SECONDS = 86_400.0


class Page(Protocol):
    """Where replies are written: `Screen` for a person, `Plain` for a pipe."""

    def wait(self) -> None:
        """A reply has been asked for."""

    def give_up(self) -> None:
        """The person does not wait for it any longer, and may be writing something else when it comes."""

    def tell_wait(self, text: str) -> None:
        """Why there is no reply yet."""

    def draft(self, thinking: bool, thought: str, answer: str) -> None: ...

    def final(self, reply: Reply) -> None: ...

    def say(self, text: str, commands: tuple[str, ...] = ()) -> None:
        """A text of the bot itself, in answer to something, and the commands that may be given next."""

    def tell(self, text: str) -> None:
        """A text of the bot itself that answers nothing."""


class ConsoleSurface:
    """One person at one terminal."""

    draft_seconds = 0.05

    def __init__(self, conversation: Conversation, page: Page) -> None:
        self.name = conversation.surface
        self._page, self._wait_text = page, ""
        self._finals: asyncio.Queue[Reply | BrokenPipeError] = asyncio.Queue()

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        self._page.draft(draft.thinking, draft.thought, draft.answer)

    async def tell_wait(self, conversation: Conversation, text: str) -> None:
        if text != self._wait_text:
            self._wait_text = text
            self._page.tell_wait(text)

    async def deliver(self, conversation: Conversation, reply: Reply) -> list[str]:
        """Where nobody reads any more, as behind a `head -1`, the chat ends and the reply is for the next one."""
        try:
            return self._deliver(reply)
        except BrokenPipeError as problem:
            self._finals.put_nowait(problem)
            raise NotSent(_NEVER_SECONDS) from problem

    def _deliver(self, reply: Reply) -> list[str]:
        if reply.is_notice:
            self._page.tell("\n".join(reply.all_remarks))
            return []
        self._wait_text = ""
        self._page.final(reply)
        self._finals.put_nowait(reply)
        return [reply.turn] if reply.turn else []

    async def wait(self, message_id: str) -> None:
        """Until the reply to that message has been written, or a final that no longer knows what it answers."""
        while True:
            final = await self._finals.get()
            if isinstance(final, BrokenPipeError):
                raise final
            if final.reply_to in (message_id, ""):
                return


def conversation_here(front: Front, user: Callable[[], str] = user_here) -> Conversation:
    """The talk of whoever sits here. Where several machines share one Redis, each terminal has its machine's name."""
    bot = "local" if front.settings.redis_url is None else socket.gethostname()
    person = _id(user())
    return Conversation("console", _id(bot), person, "0", person)


def language_here() -> str | None:
    """What the terminal is set to, as the C library reads it."""
    return next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), None)


def _id(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", name)[:64] or "_"
