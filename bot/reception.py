"""Where an update is met: known before? a command? otherwise into the inbox, and a wake-up for the workers."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from weakref import WeakValueDictionary

import structlog

from bot import commands
from bot.commands import Answer, Ask
from bot.core import metrics
from bot.core.languages import written_in
from bot.core.messages import Conversation, Incoming
from bot.core.texts import whole
from bot.gate import turn_away
from bot.i18n import best, say
from bot.run import Front

log = structlog.get_logger()

_LEAST_DISK_BYTES = 64 * 1024**2


class Reception:
    """`receive` returns only when the update is safe in Redis or answered: then the platform may be told so."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._timers: dict[Conversation, asyncio.TimerHandle] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._orders: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def receive(self, incoming: Incoming, merge_seconds: float | None = None) -> Answer | None:
        """What to say at once; None when the answer is a worker's alone (or the update was known).

        An answer without text says that nothing is to be said, and that nothing follows.

        Raises `redis.RedisError` when the update could not be kept: do not acknowledge it to the platform.
        """
        order = self._orders.setdefault((incoming.conversation.surface, incoming.line.update_id), asyncio.Lock())
        async with order:  # the same update may come again while it is dealt with
            answer = await asyncio.to_thread(self._take, _readable(incoming))
        if answer is None or answer.wakes:
            self._wake_soon(
                incoming.conversation, self._front.settings.merge_seconds if merge_seconds is None else merge_seconds
            )
        return None if answer and answer.reply_follows and not answer.text else answer

    @metrics.watching_redis("reception")
    def _take(self, incoming: Incoming) -> Answer | None:
        language = self._language(incoming)
        ask = commands.parse(incoming, language)
        if (turned_away := self._turn_away(incoming, ask, language)) is not None:
            return turned_away
        if ask is not None:
            return self._run(ask)
        if text := self._answer_of_our_own(incoming, language):
            return Answer(text if self._front.inbox.mark_seen(incoming) else "")
        if incoming.line.kind == "edit" and (answer := commands.edited(self._front, incoming, language)) is not None:
            return answer
        outcome = self._front.inbox.accept(incoming)
        self._tell(incoming, outcome)
        if outcome in ("full", "busy"):
            return Answer(say(language, f"refused-{outcome}", lines=self._front.settings.inbox_lines))
        if outcome in ("next", "behind"):  # workers wake it when it is time
            is_news = outcome == "behind" and self._front.inbox.num_waiting(incoming.conversation) == 1
            return Answer(say(language, "waiting-behind") if is_news else "", waits=True)
        return None if outcome == "known" else self._disclosure(incoming, language)

    def _turn_away(self, incoming: Incoming, ask: Ask | None, language: str) -> Answer | None:
        """For somebody who is not heard now. Whoever may be in danger is, always."""
        if ask is None and self._front.conduct.speaks_of_self_harm(incoming.line.text):
            return None
        answer = turn_away(self._front, incoming, ask, language)
        if answer is not None:
            self._tell(incoming, "denied")
        return answer

    def _answer_of_our_own(self, incoming: Incoming, language: str) -> str:
        """For a message that must not, or cannot, go to the model."""
        if self._front.conduct.speaks_of_self_harm(incoming.line.text):
            return self._care(incoming, language)
        num_bytes = len(incoming.line.text.encode())
        if num_bytes > self._front.settings.line_bytes:
            self._tell(incoming, "too_long")
            return say(language, "refused-long", bytes=num_bytes, limit=self._front.settings.line_bytes)
        if not self._is_disk_full():
            return ""
        self._tell(incoming, "disk_full")
        return say(language, "refused-disk")

    def _care(self, incoming: Incoming, language: str) -> str:
        """Counted, and nothing else is kept of it."""
        spoken = best(written_in(incoming.line.text), language)
        if not self._front.inbox.is_known(incoming):
            log.info("care given", action="care")
            metrics.CARE.labels(spoken).inc()
            self._front.care_count.add(time.strftime("%Y-%m", time.gmtime()))
        conduct, country = self._front.conduct, self._front.settings.country
        lines = "\n".join(f"– {line}" for line in conduct.lines(spoken, country))
        return say(spoken, "care", emergency=conduct.emergency(spoken, country), resources=lines)

    def _disclosure(self, incoming: Incoming, language: str) -> Answer | None:
        """That this is an AI: when somebody asks, and when it is time to say it again. The line is answered as well."""
        front, conversation = self._front, incoming.conversation
        hours = front.settings.disclosure_hours
        if front.conduct.asks_what_it_is(incoming.line.text):
            front.disclosures.told(conversation, hours)
        elif not front.conduct.rules.disclosure or not front.disclosures.take(conversation, hours):
            return None
        spoken = best(written_in(incoming.line.text), language)
        return Answer(say(spoken, "disclosure"), wakes=True)

    def _is_disk_full(self) -> bool:
        """Our own Redis writes to this disk, and would end when it is full: nothing is taken that might be lost."""
        settings, url = self._front.settings, self._front.settings.redis_url
        is_ours = url is None or url.get_secret_value().startswith("unix:")
        return is_ours and shutil.disk_usage(settings.data_dir).free < _LEAST_DISK_BYTES

    def _language(self, incoming: Incoming) -> str:
        """The person's choice, else the hint of their client, else ours. A hint is kept: not every update has one."""
        preferences = self._front.people.preferences(incoming.conversation)
        if incoming.language and incoming.language != preferences.hint:
            self._front.people.choose(incoming.conversation, hint=incoming.language)
        return best(preferences.language, incoming.language, preferences.hint, self._front.settings.language)

    def _run(self, ask: Ask) -> Answer:
        if self._front.inbox.is_known(ask.incoming):
            self._tell(ask.incoming, "known")
            return Answer("")
        self._tell(ask.incoming, "command")
        self._front.people.saw(ask.conversation)
        answer = commands.run(self._front, ask)
        if answer.wakes:
            line = answer.line or replace(ask.incoming.line, text="", kind="retry")
            outcome = self._front.inbox.accept(replace(ask.incoming, line=line))
            if outcome in ("full", "busy"):
                return Answer(ask.say(f"refused-{outcome}", lines=self._front.settings.inbox_lines))
        else:
            self._front.inbox.mark_seen(ask.incoming)
        return answer

    def _tell(self, incoming: Incoming, outcome: str) -> None:
        """One count and one line of the log for what came in. What somebody says in need is not told of one by one."""
        conversation, front = incoming.conversation, self._front
        metrics.MESSAGES.labels(conversation.platform, outcome).inc()
        name, trace = front.vault.pseudonym(conversation), front.vault.trace(conversation, incoming.line.update_id)
        log.info(f"message {outcome}", action="receive", conversation=name, trace=trace)
        if front.settings.log_text:
            log.debug("said", action="receive", trace=trace, text=incoming.line.text)

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
            await asyncio.to_thread(self._front.wakeups.send, conversation)
        except Exception as problem:  # the broker is anybody's guess; the line is safe and the sweeper wakes again
            metrics.WAKEUPS_FAILED.inc()
            log.warning("wake-up failed", action="wake_failed", error=str(problem))


def _readable(incoming: Incoming) -> Incoming:
    """A terminal that speaks no UTF-8, or a client that cuts an emoji in two, sends what nothing behind this takes."""
    line = incoming.line
    return replace(incoming, line=replace(line, text=whole(line.text), author=whole(line.author)))
