"""Whether an update may be taken: the lists, the person's rate and their tokens of the day, asked in one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bot.core.access import Access, Subject
from bot.core.messages import Conversation, Incoming
from bot.core.settings import Settings
from bot.core.store import DAY_MS, Keys, Store

RefusedReason = Literal["blocked", "uninvited", "rate", "tokens"]

_MINUTE_MS = 60_000
_KEEP_TOLD_MS = 30 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """`seconds` until it would be taken, where time mends it. `was_told` when the person knows: then be quiet."""

    reason: RefusedReason
    seconds: int
    was_told: bool


class Limits:
    """Owners and admins are never refused. Safe to share between threads and processes: everything stands in Redis."""

    def __init__(self, store: Store, settings: Settings, access: Access) -> None:
        self._store, self._settings, self._access = store, settings, access

    def refuse(self, incoming: Incoming, *, counts: bool = True, spends: bool = True) -> Refusal | None:
        """Why this may not be taken, or None when it may. A known update is never refused: it was looked at before.

        `counts` towards the person's rate; `spends` when a model will write for it.
        """
        if self._access.is_admin(incoming.own):
            return None
        reason, wait_ms, was_told = self._store.call(
            "admit",
            _names(incoming),
            incoming.line.update_id,
            *map(str, _subjects(incoming)),
            int(self._settings.access == "invite"),
            self._settings.messages_per_minute if counts else 0,
            self._settings.daily_tokens if spends else 0,
            _KEEP_TOLD_MS,
        )
        return Refusal(reason.decode(), -(-wait_ms // 1000), bool(was_told)) if reason else None

    def tells_again(self, person: Conversation, reason: str) -> bool:
        """Whether something may be said now that is said once a minute at most; who asks is expected to say it."""
        name = Keys(person.surface).of_person(person.person, "told")
        return bool(self._store.call("tell", [name], reason, _MINUTE_MS, _KEEP_TOLD_MS))

    def keep_spent(self, person: Conversation) -> None:
        """Before somebody is forgotten: where there is a budget, what they had of today's counts until midnight (UTC)."""
        tokens, day = self._today(person), int(self._store.now_ms() // DAY_MS)
        if tokens and self._settings.daily_tokens:
            name, pipe = _spent(person), self._store.redis.pipeline(transaction=True)
            pipe.hincrby(_usage(person), "tokens_today", -tokens)  # counted in one place, should this have to be done again
            pipe.incrby(name, tokens)
            pipe.pexpireat(name, (day + 1) * DAY_MS)
            pipe.execute()

    def left(self, person: Conversation) -> int | None:
        """How many tokens may still be written for the person today; None when no budget holds them."""
        if not self._settings.daily_tokens or self._access.is_admin(person):
            return None
        before_forget: Any = self._store.redis.get(_spent(person))
        return max(0, self._settings.daily_tokens - self._today(person) - int(before_forget or 0))

    def _today(self, person: Conversation) -> int:
        """What was written for the person today and is still counted with everything else about them."""
        kept: Any = self._store.redis.hmget(_usage(person), ["day", "tokens_today"])
        day, tokens = (int(value or 0) for value in kept)
        return tokens if day == self._store.now_ms() // DAY_MS else 0


def _usage(person: Conversation) -> str:
    return Keys(person.surface).of_person(person.person, "usage")


def _spent(person: Conversation) -> str:
    return Keys(person.surface).of_person(person.person, "spent")


def _names(incoming: Incoming) -> list[str]:
    """A person's rate is their own; what was written counts for whose conversation it is."""
    conversation, speaker = incoming.conversation, incoming.own.person
    keys = Keys(conversation.surface)
    rate, told = (keys.of_person(speaker, what) for what in ("rate", "told"))
    usage, spent = (keys.of_person(conversation.person, what) for what in ("usage", "spent"))
    return [keys.seen, keys.access, rate, usage, told, spent]


def _subjects(incoming: Incoming) -> tuple[Subject, ...]:
    conversation = incoming.own
    server = Subject(conversation.surface, "server", incoming.server or "")
    return Subject.person(conversation), Subject.chat(conversation), server
