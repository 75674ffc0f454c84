"""How many conversations are kept, how much they hold, and from when to when: counted many at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from bot.core.messages import Conversation, load_turn
from bot.core.store import ROOT, Keys, Store
from bot.core.vault import Forgotten, Vault

_PARTS = ("memory", "state", "inbox", "sent")
_NUM_SCANNED, _NUM_COUNTED, _NUM_SEALS = 1000, 300, 1000


@dataclass(slots=True)
class Held:
    """What a conversation, or all of a surface, holds. `size` is in bytes of Redis; times are in seconds."""

    name: str
    turns: int = 0
    size: int = 0
    oldest: float | None = None
    newest: float | None = None

    def add(self, other: Held) -> None:
        self.turns += other.turns
        self.size += other.size
        self.oldest = min((at for at in (self.oldest, other.oldest) if at is not None), default=None)
        self.newest = max((at for at in (self.newest, other.newest) if at is not None), default=None)


@dataclass(slots=True)
class Total(Held):
    conversations: int = 0
    people: int = 0


class Census:
    """Counts surface after surface, and remembers the `top` largest conversations of them all."""

    def __init__(self, store: Store, vault: Vault, top: int = 0) -> None:
        self._redis, self._top = store.redis, top
        self._largest: list[tuple[int, str, Held]] = []
        self._seal = lru_cache(_NUM_SEALS)(vault.find)
        """By conversation: the oldest and the newest turn are looked at one after the other."""

    def count(self, surface: str) -> Total:
        total, people = Total(surface), set()
        names = self._conversations(surface)
        while batch := list(islice(names, _NUM_COUNTED)):
            for conversation, held in zip(batch, self._look(batch), strict=True):
                total.conversations += 1
                total.add(held)
                people.add(conversation.person)
                self._note(held)
        total.people = len(people)
        return total

    def largest(self) -> list[Held]:
        return [held for _, _, held in sorted(self._largest, reverse=True)]

    def _note(self, held: Held) -> None:
        heapq.heappush(self._largest, (held.size, held.name, held))
        if len(self._largest) > self._top:
            heapq.heappop(self._largest)

    def _conversations(self, surface: str) -> Iterator[Conversation]:
        """Those of which anything is kept, once each; Redis may tell a key twice."""
        done: set[str] = set()
        for part in _PARTS:
            start = f"{ROOT}:{{{surface}}}:{part}:"
            for name in self._redis.scan_iter(match=f"{_literal(start)}*", count=_NUM_SCANNED):
                rest = name.decode().removeprefix(start)
                if rest.count(":") == 2 and rest not in done:
                    done.add(rest)
                    yield Conversation.parse(f"{surface}:{rest}")

    def _look(self, batch: list[Conversation]) -> Iterator[Held]:
        pipe: Any = self._redis.pipeline(transaction=False)
        for conversation in batch:
            names = [Keys(conversation.surface).of(conversation, part) for part in _PARTS]
            pipe.llen(names[0]).lindex(names[0], 0).lindex(names[0], -1)
            for name in names:
                pipe.memory_usage(name)
        answers = pipe.execute()
        for index, conversation in enumerate(batch):
            turns, oldest, newest, *sizes = answers[7 * index : 7 * index + 7]
            ends = self._time(conversation, oldest), self._time(conversation, newest)
            yield Held(str(conversation), turns, sum(size or 0 for size in sizes), *ends)

    def _time(self, conversation: Conversation, sealed: bytes | None) -> float | None:
        """When a turn was; None for one that was forgotten meanwhile."""
        if sealed is not None:
            with suppress(Forgotten):
                return load_turn(self._seal(conversation).open(sealed, str(conversation))).at
        return None


def _literal(text: str) -> str:
    """Ids have no characters that a pattern would take for its own, but a surface that was typed may."""
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)
