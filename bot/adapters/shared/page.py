"""What a chat shows of one reply while it grows: as many messages as it needs, each made to read as it should."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic

from bot.adapters.shared.keeping import Shown
from bot.adapters.shared.sending import Priority, Rows, Sender, Text
from bot.core.messages import Conversation

Content = tuple[Text, Rows]


@dataclass(slots=True)
class Page(Generic[Text]):
    """`written` is what each of the messages says now; None where that is not known, as after a restart."""

    where: Conversation
    shown: Shown
    written: list[Content[Text] | None] = field(default_factory=list)
    waiting: tuple[int, Text] | None = None
    """The message that says why there is no reply yet, and how."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    began_at: float = field(default_factory=time.monotonic)
    edited_at: float = float("-inf")
    typed_at: float = float("-inf")
    refreshing: asyncio.Task[None] | None = None
    """Keeps what is shown fresh."""
    is_uncertain: bool = False
    """A part of the reply may stand in the chat that nobody can find again: the next that is sent is the whole."""

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
        if self.shown.asked and not self.shown.ids:
            self.shown.ids, self.written = [self.shown.asked.pop()], [None]
        self.shown.turn, self.began_at, self.is_uncertain = turn, time.monotonic(), False
        return True

    def rest(self) -> None:
        """Something newer is about to be shown."""
        if self.refreshing is not None:
            self.refreshing.cancel()
            self.refreshing = None

    def end(self, buttons: int) -> None:
        self.shown.is_done, self.shown.wait, self.shown.buttons = True, 0, buttons


class Writer(Generic[Text]):
    """Puts texts onto pages. `keep` remembers a page's ids before anything else is sent."""

    def __init__(self, sender: Sender[Text], keep: Callable[[Page[Text]], Awaitable[None]]) -> None:
        self._sender, self._keep = sender, keep

    async def put(
        self, page: Page[Text], contents: list[Content[Text]], reply_to: str = "", priority: Priority = "durable"
    ) -> None:
        """Make the messages read so, in order. What cannot be done now is raised; the next call goes on from there."""
        for at, content in enumerate(contents):
            if at < len(page.shown.ids):
                await self._change(page, at, content, priority)
            else:
                await self._add(page, content, "" if at else reply_to, priority)
        page.edited_at = time.monotonic()

    async def shorten(self, page: Page[Text], length: int) -> None:
        """Take back messages that the reply does not need after all."""
        while len(page.shown.ids) > length:
            await self._sender.delete(page.where, page.shown.ids[-1])
            page.shown.ids.pop()
            page.written.pop()
            await self._keep(page)

    async def _change(self, page: Page[Text], at: int, content: Content[Text], priority: Priority) -> None:
        if page.written[at] == content:
            return
        if not await self._sender.edit(page.where, page.shown.ids[at], *content, priority=priority):
            # Somebody deleted it.
            page.shown.ids[at] = await self._sender.send(page.where, *content, priority=priority)
            await self._keep(page)
        page.written[at] = content

    async def _add(self, page: Page[Text], content: Content[Text], reply_to: str, priority: Priority) -> None:
        once = f"{page.shown.turn}/{len(page.shown.ids)}" if page.shown.turn else ""
        page.shown.ids.append(await self._sender.send(page.where, *content, reply_to, priority, once=once))
        page.written.append(content)
        await self._keep(page)
