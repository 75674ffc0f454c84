"""Where an update is met: known before? a command? otherwise into the inbox, and a wake-up for the workers."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import structlog

from bot.commands import Answer, Ask, Commands, parse
from bot.conduct import speaks_of_self_harm
from bot.core.inbox import Inbox
from bot.core.languages import written_in
from bot.core.messages import Conversation, Incoming
from bot.core.people import People
from bot.core.queue import Wakeups
from bot.core.settings import Settings
from bot.i18n import best, say

log = structlog.get_logger()

_LEAST_DISK_BYTES = 64 * 1024**2


class Reception:
    """`receive` returns only when the update is safe in Redis or answered: then the platform may be told so."""

    def __init__(self, inbox: Inbox, people: People, commands: Commands, wakeups: Wakeups, settings: Settings) -> None:
        self._inbox, self._people, self._commands, self._wakeups = inbox, people, commands, wakeups
        self._settings = settings
        self._timers: dict[Conversation, asyncio.TimerHandle] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def receive(self, incoming: Incoming, merge_seconds: float | None = None) -> Answer | None:
        """What to say at once, or None when the answer is a worker's (or the update was known).

        Raises `redis.RedisError` when the update could not be kept: do not acknowledge it to the platform.
        """
        answer = await asyncio.to_thread(self._take, incoming)
        if answer is None or answer.wakes:
            self._wake_soon(incoming.conversation, self._settings.merge_seconds if merge_seconds is None else merge_seconds)
        return answer if answer and (answer.text or answer.leaves) else None

    def _take(self, incoming: Incoming) -> Answer | None:
        language = self._language(incoming)
        ask = parse(incoming, language)
        if ask is not None:
            return self._run(ask)
        if text := self._answer_of_our_own(incoming, language):
            return Answer(text if self._inbox.mark_seen(incoming) else "")
        if self._inbox.accept(incoming) == "full":
            return Answer(say(language, "refused-full", lines=self._settings.inbox_lines))
        return None

    def _answer_of_our_own(self, incoming: Incoming, language: str) -> str:
        """For a message that must not, or cannot, go to the model."""
        if speaks_of_self_harm(incoming.line.text):
            log.info("care given", action="care")
            return say(best(written_in(incoming.line.text), language), "care")
        num_bytes = len(incoming.line.text.encode())
        if num_bytes > self._settings.line_bytes:
            return say(language, "refused-long", bytes=num_bytes, limit=self._settings.line_bytes)
        return say(language, "refused-disk") if self._is_disk_full() else ""

    def _is_disk_full(self) -> bool:
        """Our own Redis writes to this disk, and would end when it is full: nothing is taken that might be lost."""
        settings, url = self._settings, self._settings.redis_url
        is_ours = url is None or url.get_secret_value().startswith("unix:")
        return is_ours and shutil.disk_usage(settings.data_dir).free < _LEAST_DISK_BYTES

    def _language(self, incoming: Incoming) -> str:
        """The person's choice, else the hint of their client (kept for delivery, which never meets it), else ours."""
        preferences = self._people.preferences(incoming.conversation)
        if incoming.language and incoming.language != preferences.hint:
            self._people.choose(incoming.conversation, hint=incoming.language)
        return best(preferences.language, incoming.language, self._settings.language)

    def _run(self, ask: Ask) -> Answer:
        if self._inbox.is_known(ask.incoming):
            return Answer("")
        answer = self._commands.run(ask)
        if answer.wakes:
            line = replace(ask.incoming.line, text="", kind="retry")
            if self._inbox.accept(replace(ask.incoming, line=line)) == "full":
                return Answer(ask.say("refused-full", lines=self._settings.inbox_lines))
        else:
            self._inbox.mark_seen(ask.incoming)
        return answer

    def _wake_soon(self, conversation: Conversation, seconds: float) -> None:
        """One wake-up after the last of several quick lines. If this process dies meanwhile, the sweeper wakes."""
        if timer := self._timers.pop(conversation, None):
            timer.cancel()
        self._timers[conversation] = asyncio.get_running_loop().call_later(seconds, self._wake, conversation)

    def _wake(self, conversation: Conversation) -> None:
        self._timers.pop(conversation, None)
        task = asyncio.create_task(self._send(conversation))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, conversation: Conversation) -> None:
        try:
            await asyncio.to_thread(self._wakeups.send, conversation)
        except Exception as problem:  # the broker is anybody's guess; the line is safe and the sweeper wakes again
            log.warning("wake-up failed", action="wake_failed", error=str(problem))
