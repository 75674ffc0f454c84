"""The ids of what was said, kept while a conversation is answered here, so that no turn of it is tokenised twice.

No tokenizer looks across a mark of its template. So what stands between two marks, a turn, has the same ids in every prompt:
those with which the engine's cache was filled.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

MAX_CONVERSATIONS = 500
KEEP_SECONDS = 3600.0

T = TypeVar("T")


class Memo(Generic[T]):
    """What was made of texts, for the last two prompts. So what was taken back or changed is soon gone."""

    def __init__(self) -> None:
        self._used: dict[str, T] = {}
        self._before: dict[str, T] = {}

    def get(self, text: str, make: Callable[[str], T]) -> T:
        if (made := self._used.get(text)) is None:
            made = self._used[text] = self._before[text] if text in self._before else make(text)
        return made

    def begin(self) -> None:
        """A new prompt: what the last one did not use goes."""
        self._used, self._before = {}, self._used


class Known:
    """One conversation's: `ids` of what stands between two marks, and the `plain` text of each message."""

    def __init__(self) -> None:
        self.ids: Memo[array[int]] = Memo()
        self.plain: Memo[str] = Memo()
        self.used_at = monotonic()

    def begin(self) -> None:
        self.ids.begin()
        self.plain.begin()
        self.used_at = monotonic()


class Histories:
    """Of all conversations that were answered within an hour, the newest 500. Threads share it."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lock = Lock()

    def of(self, conversation: str) -> Known:
        with self._lock:
            known = self._known.pop(conversation, None) or Known()
            while self._known and (len(self._known) >= MAX_CONVERSATIONS or self._is_old(next(iter(self._known.values())))):
                self._known.popitem(last=False)
            self._known[conversation] = known
            return known

    def find(self, conversation: str) -> Known | None:
        """Of one that was answered, and in which nothing was taken back since."""
        return self._known.get(conversation)

    def forget(self, conversation: str | None) -> None:
        """None is all of them."""
        with self._lock:
            if conversation is None:
                self._known.clear()
            else:
                self._known.pop(conversation, None)

    def _is_old(self, known: Known) -> bool:
        return monotonic() - known.used_at > KEEP_SECONDS
