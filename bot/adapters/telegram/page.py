"""What a chat shows of one reply while it grows: as many messages as it needs, each made to read as it should."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from telegram import InlineKeyboardMarkup

from bot.adapters.telegram.formatting import Styled
from bot.adapters.telegram.governor import Priority
from bot.adapters.telegram.keeping import Shown
from bot.adapters.telegram.sending import Sender
from bot.core.messages import Conversation

Content = tuple[Styled, InlineKeyboardMarkup | None]


@dataclass(slots=True)
class Page:
    """`written` is what each of the messages says now; None where that is not known, as after a restart."""

    where: Conversation
    shown: Shown
    written: list[Content | None] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    began_at: float = field(default_factory=time.monotonic)
    edited_at: float = float("-inf")
    typed_at: float = float("-inf")
    drafted_at: float = float("-inf")
    refreshing: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.written = [None] * len(self.shown.ids)

    @property
    def is_visible(self) -> bool:
        """Whether a part of a reply stands in the chat, and more of it is to come."""
        return bool(self.shown.ids) and not self.shown.is_done

    def begin(self, turn: str) -> bool:
        """Make room for a reply, if it is another one; a worker that died left messages, and the next writes on in them."""
        if self.shown.turn == turn and turn:
            return False
        if self.shown.is_done:
            self.shown.ids, self.shown.is_done, self.written = [], False, []
        self.shown.turn, self.began_at = turn, time.monotonic()
        return True

    def end(self, buttons: int) -> None:
        self.shown.is_done, self.shown.wait, self.shown.buttons = True, 0, buttons


class Writer:
    """Puts texts onto pages. `keep` remembers a page's ids before anything else is sent."""

    def __init__(self, sender: Sender, keep: Callable[[Page], Awaitable[None]]) -> None:
        self._sender, self._keep = sender, keep

    async def put(self, page: Page, contents: list[Content], reply_to: str = "", priority: Priority = "durable") -> None:
        """Make the messages read so, in order. What cannot be done now is raised; the next call goes on from there."""
        for at, content in enumerate(contents):
            if at < len(page.shown.ids):
                await self._change(page, at, content, priority)
            else:
                await self._add(page, content, "" if at else reply_to, priority)
        page.edited_at = time.monotonic()

    async def shorten(self, page: Page, length: int) -> None:
        """Take back messages that the reply does not need after all."""
        while len(page.shown.ids) > length:
            await self._sender.delete(page.where, page.shown.ids[-1])
            page.shown.ids.pop()
            page.written.pop()
            await self._keep(page)

    async def _change(self, page: Page, at: int, content: Content, priority: Priority) -> None:
        if page.written[at] == content:
            return
        if not await self._sender.edit(page.where, page.shown.ids[at], *content, priority=priority):
            page.shown.ids[at] = await self._sender.send(page.where, *content, priority=priority)  # somebody deleted it
            await self._keep(page)
        page.written[at] = content

    async def _add(self, page: Page, content: Content, reply_to: str, priority: Priority) -> None:
        page.shown.ids.append(await self._sender.send(page.where, *content, reply_to, priority))
        page.written.append(content)
        await self._keep(page)
