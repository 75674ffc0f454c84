"""The bot account as delivery sees it: how a reply grows in a channel, written by an editor of its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.adapters.discord.errands import Errands, tell_errand
from bot.adapters.discord.sending import Sender, place_of
from bot.adapters.discord.writing import DiscordForm
from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.keeping import Keeping
from bot.adapters.shared.page import Content, Page
from bot.adapters.shared.places import is_private
from bot.adapters.shared.surface import PagedSurface
from bot.core import metrics
from bot.core.messages import Conversation, Draft
from bot.surface import Reply

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
        self._errands = Errands()
        self._newest: dict[Conversation, _Newest] = {}
        self._telling: set[Conversation] = set()

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        """The latest wins: whatever the editor has not yet shown is overtaken."""
        page, before = await self._page(conversation), self._newest.get(conversation)
        words_since = before.words_since if before and before.draft.turn == draft.turn else float("inf")
        if draft.answer.strip():
            words_since = min(words_since, time.monotonic())
        self._newest[conversation] = _Newest(draft, words_since)
        if page.refreshing is None or page.refreshing.done():
            page.refreshing = self._errands.begin(conversation, lambda: self._edit(page))

    async def tell_wait(self, conversation: Conversation, text: str) -> None:
        """Handed over like a draft, and before any that comes after it; one at a time, as it is asked for again and again."""
        await self._page(conversation)
        if conversation in self._telling:
            return
        self._telling.add(conversation)
        self._errands.begin(conversation, lambda: self._tell_wait(conversation, text))

    async def _tell_wait(self, conversation: Conversation, text: str) -> None:
        try:
            await super().tell_wait(conversation, text)
        except Exception as problem:  # as good as a draft
            log.info("wait not told", action="wait_shed", error=type(problem).__name__)
        finally:
            self._telling.discard(conversation)

    async def deliver(self, conversation: Conversation, reply: Reply) -> list[str]:
        """What would only wait gives way, and whatever is on the wire is waited for."""
        await self._errands.end(conversation)
        self._newest.pop(conversation, None)
        return await super().deliver(conversation, reply)

    async def begin_typing(self, conversation: Conversation) -> None:
        """At once, before there is anything to show."""
        page = await self._page(conversation)
        if not page.lock.locked() and not page.is_visible and not page.shown.asked:
            await self._type(page)

    async def _edit(self, page: Page[str]) -> None:
        """Until there is nothing newer."""
        place, growing = place_of(page.where), self._discord.growing
        growing[place] += 1
        try:
            while newest := self._newest.get(page.where):
                pause = await self._show(page, newest)
                tell_errand(is_waiting=True)
                await asyncio.sleep(pause)
                tell_errand(is_waiting=False)
        finally:
            growing[place] -= 1
            growing += Counter()  # without those that are at zero

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
        return BUSY_EDIT_SECONDS if self._discord.growing[place_of(page.where)] > 1 else EDIT_SECONDS

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
