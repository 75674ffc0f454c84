"""A bot account as delivery sees it, where a reply is a few messages: how they begin, end, and are found again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import Generic

from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.keeping import Keeping, Shown
from bot.adapters.shared.page import Content, Page, Writer
from bot.adapters.shared.places import is_private
from bot.adapters.shared.sending import Form, Priority, Sender, Text
from bot.core.messages import Conversation
from bot.surface import Reply

_NUM_PAGES = 20_000


class PagedSurface(Generic[Text]):
    """All of a surface but `show`: how a reply grows is each platform's own."""

    def __init__(self, name: str, sender: Sender[Text], form: Form[Text], buttons: Buttons, keeping: Keeping) -> None:
        self.name = name
        self._sender, self._form, self._buttons, self._keeping = sender, form, buttons, keeping
        self._writer = Writer(sender, self._keep)
        self._pages: OrderedDict[Conversation, Page[Text]] = OrderedDict()

    def rest(self) -> None:
        """Nothing is kept fresh any more."""
        for page in self._pages.values():
            page.rest()

    async def tell_wait(self, conversation: Conversation, text: str) -> None:
        page, [words] = await self._page(conversation), self._form.plain(text)
        async with page.lock:
            if page.is_visible:
                return
            place = page.shown.asked[-1] if page.shown.asked else page.shown.wait
            if place and page.waiting == (place, words):
                return
            if not place or not await self._sender.edit(conversation, place, words, priority="cosmetic"):
                place = page.shown.wait = await self._sender.send(conversation, words, priority="cosmetic", quietly=True)
                await self._keep(page)
            page.waiting = place, words

    async def deliver(self, conversation: Conversation, reply: Reply) -> list[str]:
        page = await self._page(conversation)
        async with page.lock:
            page.rest()
            if reply.is_notice:
                return [str(await self._sender.send(conversation, part)) for part in self._form.reply(reply)]
            return await self._end(page, reply)

    async def browse(self, conversation: Conversation, reply: Reply, ids: list[int]) -> None:
        """Show another answer in the messages of the one that is there; `ids` are those, unless the page knows better."""
        page = await self._page(conversation)
        async with page.lock:
            if page.is_visible:
                return  # another reply is being written there now
            if page.shown.turn != reply.turn:
                page.shown.turn, page.shown.ids, page.written = reply.turn, list(ids), [None] * len(ids)
            await self._end(page, reply)

    async def expect(self, conversation: Conversation, id: int) -> None:
        """A message of the bot's in which the next reply is to stand."""
        page = await self._page(conversation)
        async with page.lock:
            page.shown.asked.append(id)
            await self._keep(page)

    async def expect_no_more(self, conversation: Conversation, id: int) -> None:
        """Something else stands in it now."""
        page = await self._page(conversation)
        async with page.lock:
            if id in page.shown.asked:
                page.shown.asked.remove(id)
                await self._keep(page)

    async def _end(self, page: Page[Text], reply: Reply) -> list[str]:
        """The messages of the reply so far become those of the whole, and others follow."""
        if page.begin(reply.turn):
            await self._release(page)
        contents = self._contents(page.where, replace(reply, repeat=""))
        if reply.repeat and len(page.shown.ids) < len(contents):  # else all that was sent is known, and only edited now
            contents = self._contents(page.where, reply)
        await self._writer.put(page, contents, "" if is_private(page.where) else reply.reply_to)
        await self._writer.shorten(page, len(contents))
        buttons, old = page.shown.ids[-1] if contents and contents[-1][1] else 0, replace(page.shown)
        page.end(buttons)
        await self._keep(page)
        await self._clear(page, old)
        return [str(id) for id in page.shown.ids]

    def _contents(self, where: Conversation, reply: Reply) -> list[Content[Text]]:
        parts = self._form.reply(reply)
        last = self._buttons.under_reply(where, reply)
        return [(part, last if at == len(parts) - 1 else ()) for at, part in enumerate(parts)]

    async def _clear(self, page: Page[Text], old: Shown) -> None:
        """Nobody waits any more, and the newest answer alone has buttons. Neither is worth failing for."""
        with suppress(Exception):
            if old.wait:
                await self._sender.delete(page.where, old.wait)
            if old.buttons and old.buttons not in page.shown.ids:
                priority: Priority = "durable" if is_private(page.where) else "cosmetic"
                await self._sender.take_buttons(page.where, old.buttons, priority)

    async def _begin(self, page: Page[Text], turn: str) -> bool:
        """Make the page ready for a draft; false when its final has overtaken it."""
        if not page.begin(turn):
            return not page.shown.is_done
        if page.shown.wait:
            with suppress(Exception):
                await self._sender.delete(page.where, page.shown.wait)
            page.shown.wait = 0
        await self._release(page)
        await self._keep(page)
        return True

    async def _release(self, page: Page[Text]) -> None:
        """Several were asked for, and are answered in one."""
        while page.shown.asked:
            with suppress(Exception):
                await self._sender.delete(page.where, page.shown.asked.pop())

    async def _page(self, conversation: Conversation) -> Page[Text]:
        if conversation not in self._pages:
            page: Page[Text] = Page(conversation, await asyncio.to_thread(self._keeping.shown, conversation))
            self._pages.setdefault(conversation, page)
        self._pages.move_to_end(conversation)
        self._forget_oldest()
        return self._pages[conversation]

    def _forget_oldest(self) -> None:
        """All of a page that matters is kept elsewhere too."""
        if len(self._pages) > _NUM_PAGES and not next(iter(self._pages.values())).lock.locked():
            _, page = self._pages.popitem(last=False)
            page.rest()

    async def _keep(self, page: Page[Text]) -> None:
        await asyncio.to_thread(self._keeping.keep_shown, page.where, page.shown)
