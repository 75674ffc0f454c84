"""The bot account as delivery sees it: how a reply grows in a channel, written by an editor of its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.adapters.discord.sending import Sender
from bot.adapters.discord.writing import DiscordForm
from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.keeping import Keeping
from bot.adapters.shared.page import Content, Page
from bot.adapters.shared.places import is_private
from bot.adapters.shared.surface import PagedSurface
from bot.core import metrics
from bot.core.messages import Conversation, Draft

log = structlog.get_logger()

FIRST_CHARS, FIRST_SECONDS = 40, 1.0
EDIT_SECONDS, BUSY_EDIT_SECONDS = 1.2, 2.0
_LOOK_SECONDS = 0.2
_TYPING_SECONDS = 8.0


@dataclass(slots=True)
class _Newest:
    """What an editor is to show next, and since when there are words."""

    draft: Draft
    words_since: float


class DiscordSurface(PagedSurface[str]):
    """`streaming` is asked anew for each draft.

    To show is only to hand over: the library waits inside a call for Discord's limits, and no text may wait for that.
    """

    draft_seconds = 0.2

    def __init__(
        self,
        name: str,
        sender: Sender,
        form: DiscordForm,
        buttons: Buttons,
        keeping: Keeping,
        streaming: Callable[[], str] = lambda: "edit",
    ) -> None:
        super().__init__(name, sender, form, buttons, keeping)
        self._discord, self._forms, self._streaming = sender, form, streaming
        self._newest: dict[Conversation, _Newest] = {}
        self._editors: Counter[tuple[str, str]] = Counter()

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        """The latest wins: whatever the editor has not yet shown is overtaken."""
        page, before = await self._page(conversation), self._newest.get(conversation)
        words_since = before.words_since if before and before.draft.turn == draft.turn else float("inf")
        if draft.answer.strip():
            words_since = min(words_since, time.monotonic())
        self._newest[conversation] = _Newest(draft, words_since)
        if page.refreshing is None or page.refreshing.done():
            page.refreshing = asyncio.create_task(self._edit(page))

    async def begin_typing(self, conversation: Conversation) -> None:
        """At once, before there is anything to show."""
        page = await self._page(conversation)
        if not page.lock.locked() and not page.is_visible and not page.shown.asked:
            await self._type(page)

    async def _edit(self, page: Page[str]) -> None:
        """Until there is nothing newer. A final waits for the call that is being made, and ends this while it sleeps."""
        place = page.where.chat, page.where.thread
        self._editors[place] += 1
        try:
            while newest := self._newest.get(page.where):
                pause = await self._show(page, newest)
                await asyncio.sleep(pause)
        finally:
            self._editors[place] -= 1
            self._editors += Counter()  # without those that are at zero

    async def _show(self, page: Page[str], newest: _Newest) -> float:
        """Gives the pause that is due after it."""
        try:
            async with page.lock:
                if not await self._begin(page, newest.draft.turn):
                    self._newest.pop(page.where, None)
                    return 0.0
                return await self._grow(page, newest)
        except Exception as problem:  # a draft is a courtesy: the final holds everything
            metrics.DRAFTS.labels("discord", "shed").inc()
            log.info("draft not shown", action="draft_shed", error=type(problem).__name__)
            self._done(page, newest)
            return EDIT_SECONDS

    async def _grow(self, page: Page[str], newest: _Newest) -> float:
        answer = newest.draft.answer.strip()
        if not page.is_visible and not self._is_enough(answer, newest.words_since):
            await self._type(page)
            if not answer:
                self._done(page, newest)
            return _LOOK_SECONDS
        self._done(page, newest)
        if answer and self._streaming() == "edit":
            parts, stop = self._forms.answer(answer), self._buttons.while_writing(page.where)
            contents: list[Content[str]] = [(part, stop if at == len(parts) - 1 else ()) for at, part in enumerate(parts)]
            asked = "" if is_private(page.where) else newest.draft.reply_to
            await self._writer.put(page, contents, asked, "cosmetic")
        elif not page.is_visible:
            await self._type(page)
        return BUSY_EDIT_SECONDS if self._editors[page.where.chat, page.where.thread] > 1 else EDIT_SECONDS

    def _is_enough(self, answer: str, words_since: float) -> bool:
        """For a first message: not a word or two that would be edited at once."""
        return len(answer) >= FIRST_CHARS or (bool(answer) and time.monotonic() >= words_since + FIRST_SECONDS)

    def _done(self, page: Page[str], newest: _Newest) -> None:
        """Unless a newer one came meanwhile."""
        if self._newest.get(page.where) is newest:
            del self._newest[page.where]

    async def _type(self, page: Page[str]) -> None:
        now = time.monotonic()
        if now >= page.typed_at + _TYPING_SECONDS:
            page.typed_at = now
            await self._discord.typing(page.where)
