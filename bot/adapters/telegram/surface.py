"""The bot account as delivery sees it: how a reply grows in a chat, and how it ends there."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from telegram.error import BadRequest, TelegramError

from bot.adapters.telegram.buttons import Buttons
from bot.adapters.telegram.formatting import Styled, quote, style
from bot.adapters.telegram.governor import Priority, Shed
from bot.adapters.telegram.keeping import Keeping, Shown
from bot.adapters.telegram.page import Content, Page, Writer
from bot.adapters.telegram.places import Places, is_private
from bot.adapters.telegram.sending import Sender, refused
from bot.adapters.telegram.splitting import split
from bot.core.messages import Conversation, Draft
from bot.surface import Gone, NotSent, Reply

log = structlog.get_logger()

_FIRST_UNITS = 12
_EDIT_SECONDS, _SLOW_EDIT_SECONDS, _SLOW_AFTER_SECONDS = 1.5, 3.0, 30.0
_TYPING_SECONDS, _GROUP_TYPING_SECONDS = 4.5, 20.0
_DRAFT_ALIVE_SECONDS, _DRAFT_MOST_SECONDS = 18.0, 900.0
_NUM_PAGES = 20_000


class TelegramSurface:
    """`streaming` is asked anew for each draft."""

    draft_seconds = 1.0

    def __init__(
        self, sender: Sender, places: Places, buttons: Buttons, keeping: Keeping, streaming: Callable[[], str] = lambda: "auto"
    ) -> None:
        self.name = places.surface
        self._sender, self._buttons, self._keeping, self._streaming = sender, buttons, keeping, streaming
        self._writer = Writer(sender, self._keep)
        self._pages: OrderedDict[Conversation, Page] = OrderedDict()
        self._has_drafts = True

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        page = await self._page(conversation)
        async with page.lock:
            await self._begin(page, draft.turn)
            mode = self._mode(conversation)
            answer = draft.answer.strip()
            if mode in ("auto", "edit") and (page.is_visible or len(answer) >= _FIRST_UNITS):
                await self._grow(page, answer)
            elif self._has_drafts and mode in ("auto", "draft"):
                await self._draft(page, _so_far(draft))
            elif not page.is_visible:
                await self._type(page)

    async def tell_wait(self, conversation: Conversation, text: str) -> None:
        page = await self._page(conversation)
        async with page.lock:
            if page.is_visible:
                return
            if page.shown.wait and await self._sender.edit(conversation, page.shown.wait, Styled(text), priority="cosmetic"):
                return
            page.shown.wait = await self._sender.send(conversation, Styled(text), priority="cosmetic", quietly=True)
            await self._keep(page)

    async def deliver(self, conversation: Conversation, reply: Reply) -> list[str]:
        page = await self._page(conversation)
        async with page.lock:
            _rest(page)
            try:
                if reply.is_notice:
                    return await self._tell(conversation, reply)
                return await self._end(page, reply)
            except BadRequest as problem:
                raise refused(problem) from None

    async def browse(self, conversation: Conversation, reply: Reply, ids: list[int]) -> None:
        """Show another answer in the messages of the one that is there."""
        page = await self._page(conversation)
        async with page.lock:
            if page.is_visible:
                return  # another reply is being written there now
            page.shown.turn, page.shown.ids, page.written = reply.turn, list(ids), [None] * len(ids)
            await self._end(page, reply)

    async def _tell(self, conversation: Conversation, reply: Reply) -> list[str]:
        return [str(await self._sender.send(conversation, part)) for part in split(_whole(reply))]

    async def _end(self, page: Page, reply: Reply) -> list[str]:
        """The messages of the reply so far become those of the whole, and others follow."""
        page.begin(reply.turn)
        contents = self._contents(page.where, reply)
        await self._writer.put(page, contents, "" if is_private(page.where) else reply.reply_to)
        await self._writer.shorten(page, len(contents))
        buttons, old = page.shown.ids[-1] if contents and contents[-1][1] else 0, replace(page.shown)
        page.end(buttons)
        await self._keep(page)
        await self._clear(page, old)
        return [str(id) for id in page.shown.ids]

    def _contents(self, where: Conversation, reply: Reply) -> list[Content]:
        parts = split(_whole(reply))
        last = self._buttons.under_reply(where, reply)
        return [(part, last if at == len(parts) - 1 else None) for at, part in enumerate(parts)]

    async def _clear(self, page: Page, old: Shown) -> None:
        """Nobody waits any more, and the newest answer alone has buttons. Neither is worth failing for."""
        with suppress(TelegramError, NotSent, Gone):
            if old.wait:
                await self._sender.delete(page.where, old.wait)
            if old.buttons and old.buttons not in page.shown.ids:
                priority: Priority = "durable" if is_private(page.where) else "cosmetic"
                await self._sender.take_buttons(page.where, old.buttons, priority)

    async def _begin(self, page: Page, turn: str) -> None:
        if not page.begin(turn):
            if page.shown.is_done:
                raise Shed  # a draft that its final has overtaken
            return
        if page.shown.wait:
            with suppress(TelegramError, NotSent, Gone):
                await self._sender.delete(page.where, page.shown.wait)
            page.shown.wait = 0
            await self._keep(page)

    async def _grow(self, page: Page, answer: str) -> None:
        now = time.monotonic()
        pause = _EDIT_SECONDS if now < page.began_at + _SLOW_AFTER_SECONDS else _SLOW_EDIT_SECONDS
        if not answer or now < page.edited_at + pause:
            raise Shed
        _rest(page)
        parts, stop = split(style(answer)), self._buttons.while_writing(page.where)
        contents: list[Content] = [(part, stop if at == len(parts) - 1 else None) for at, part in enumerate(parts)]
        await self._writer.put(page, contents, priority="cosmetic")

    async def _draft(self, page: Page, text: Styled) -> None:
        """Shown for half a minute at most, so it is sent again until something newer is."""
        _rest(page)
        try:
            await self._sender.draft(page.where, _draft_id(page.shown.turn), text)
        except BadRequest as problem:
            self._has_drafts = False  # an older server, or a bot that may not: there is typing
            log.info("no drafts here", action="no_drafts", error=problem.message)
            return
        page.refreshing = asyncio.create_task(self._refresh(page, text))

    async def _refresh(self, page: Page, text: Styled) -> None:
        for _ in range(int(_DRAFT_MOST_SECONDS / _DRAFT_ALIVE_SECONDS)):
            await asyncio.sleep(_DRAFT_ALIVE_SECONDS)
            with suppress(TelegramError):
                await self._sender.draft(page.where, _draft_id(page.shown.turn), text)

    async def _type(self, page: Page) -> None:
        now = time.monotonic()
        if now >= page.typed_at + (_TYPING_SECONDS if is_private(page.where) else _GROUP_TYPING_SECONDS):
            await self._sender.typing(page.where)
            page.typed_at = now

    def _mode(self, conversation: Conversation) -> str:
        """Groups have no drafts."""
        mode = self._streaming()
        return "edit" if mode in ("auto", "draft") and not is_private(conversation) else mode

    async def _page(self, conversation: Conversation) -> Page:
        if conversation not in self._pages:
            page = Page(conversation, await asyncio.to_thread(self._keeping.shown, conversation))
            self._pages.setdefault(conversation, page)
        self._pages.move_to_end(conversation)
        self._forget_oldest()
        return self._pages[conversation]

    def _forget_oldest(self) -> None:
        """All of a page that matters is kept elsewhere too."""
        if len(self._pages) > _NUM_PAGES and not next(iter(self._pages.values())).lock.locked():
            _, page = self._pages.popitem(last=False)
            _rest(page)

    async def _keep(self, page: Page) -> None:
        await asyncio.to_thread(self._keeping.keep_shown, page.where, page.shown)


def _rest(page: Page) -> None:
    """No draft is sent again: something newer is about to be."""
    if page.refreshing is not None:
        page.refreshing.cancel()
        page.refreshing = None


def _so_far(draft: Draft) -> Styled:
    """The end of it, as much as one draft holds. While there are no words, Telegram says that the bot thinks."""
    parts = split(style(draft.answer) if draft.answer.strip() else quote(draft.thought))
    return parts[-1] if parts else Styled("")


def _whole(reply: Reply) -> Styled:
    """Thought, answer and remarks as one text. Only the answer is Markdown."""
    remarks = (Styled(remark) for remark in reply.remarks)
    whole = Styled("")
    for part in (quote(reply.thought), style(reply.text), *remarks):
        if part.text:
            whole = whole + Styled("\n\n" if whole.text else "") + part
    return whole


def _draft_id(turn: str) -> int:
    return zlib.crc32(turn.encode()) or 1
