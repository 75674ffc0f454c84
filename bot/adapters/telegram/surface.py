"""The bot account as delivery sees it: how a reply grows in a chat."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import structlog
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError

from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.keeping import Keeping
from bot.adapters.shared.page import Content, Page
from bot.adapters.shared.places import is_private
from bot.adapters.shared.surface import PagedSurface
from bot.adapters.telegram.formatting import Styled
from bot.adapters.telegram.governor import Shed
from bot.adapters.telegram.sending import Sender
from bot.adapters.telegram.writing import TelegramForm
from bot.core.messages import Conversation, Draft

log = structlog.get_logger()

_FIRST_UNITS = 12
_EDIT_SECONDS, _SLOW_EDIT_SECONDS, _SLOW_AFTER_SECONDS = 1.5, 3.0, 30.0
_TYPING_SECONDS, _GROUP_TYPING_SECONDS = 4.5, 20.0
_DRAFT_ALIVE_SECONDS, _DRAFT_MOST_SECONDS = 18.0, 900.0


class TelegramSurface(PagedSurface[Styled]):
    """`streaming` is asked anew for each draft."""

    draft_seconds = 1.0

    def __init__(
        self,
        name: str,
        sender: Sender,
        form: TelegramForm,
        buttons: Buttons,
        keeping: Keeping,
        streaming: Callable[[], str] = lambda: "auto",
    ) -> None:
        super().__init__(name, sender, form, buttons, keeping)
        self._telegram, self._forms, self._streaming = sender, form, streaming
        self._has_drafts = True

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        page = await self._page(conversation)
        async with page.lock:
            if not await self._begin(page, draft.turn):
                raise Shed
            mode = self._mode(conversation)
            answer = draft.answer.strip()
            if mode in ("auto", "edit") and (page.is_visible or len(answer) >= _FIRST_UNITS):
                await self._grow(page, answer, draft.reply_to)
            elif mode in ("auto", "draft") and await self._draft(page, self._forms.end_of(draft)):
                return
            elif not page.is_visible:
                await self._type(page)

    async def _grow(self, page: Page[Styled], answer: str, asked: str) -> None:
        now = time.monotonic()
        pause = _EDIT_SECONDS if now < page.began_at + _SLOW_AFTER_SECONDS else _SLOW_EDIT_SECONDS
        if not answer or page.is_uncertain or now < page.edited_at + pause:
            raise Shed
        page.rest()
        parts, stop = self._forms.answer(answer), self._buttons.while_writing(page.where)
        contents: list[Content[Styled]] = [(part, stop if at == len(parts) - 1 else ()) for at, part in enumerate(parts)]
        try:
            await self._writer.put(page, contents, "" if is_private(page.where) else asked, "cosmetic")
        except NetworkError:
            page.is_uncertain = True
            raise

    async def _draft(self, page: Page[Styled], text: Styled) -> bool:
        """Shown for half a minute at most, so it is sent again until something newer is. False where there are none."""
        page.rest()
        if not self._has_drafts:
            return False
        try:
            await self._telegram.draft(page.where, _draft_id(page.shown.turn), text)
        except (BadRequest, InvalidToken) as problem:
            self._has_drafts = isinstance(problem, BadRequest)  # a method that a server does not know is "not found"
            log.info("no draft here", action="no_draft", error=problem.message)
            return False
        page.refreshing = asyncio.create_task(self._refresh(page, text))
        return True

    async def _refresh(self, page: Page[Styled], text: Styled) -> None:
        """With the page locked: a draft still on its way when the final lands would stand below it."""
        for _ in range(int(_DRAFT_MOST_SECONDS / _DRAFT_ALIVE_SECONDS)):
            await asyncio.sleep(_DRAFT_ALIVE_SECONDS)
            async with page.lock:
                with suppress(TelegramError):
                    await self._telegram.draft(page.where, _draft_id(page.shown.turn), text)

    async def _type(self, page: Page[Styled]) -> None:
        now = time.monotonic()
        if now >= page.typed_at + (_TYPING_SECONDS if is_private(page.where) else _GROUP_TYPING_SECONDS):
            await self._telegram.typing(page.where)
            page.typed_at = now

    def _mode(self, conversation: Conversation) -> str:
        """Groups have no drafts."""
        mode = self._streaming()
        return "edit" if mode in ("auto", "draft") and not is_private(conversation) else mode


def _draft_id(turn: str) -> int:
    return zlib.crc32(turn.encode()) or 1
