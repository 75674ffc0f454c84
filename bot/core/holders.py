"""Which worker answered a conversation last: what its engine has read of it is still there, so it is woken first."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import Any

from bot.core.messages import Conversation
from bot.core.presence import EVERY_SECONDS, Presence
from bot.core.store import Keys, Store

FIELD = "holder"
"""Of a conversation's state; commit.lua writes it."""


class Holders:
    """Safe to share between threads. How much room workers have is asked once a second; more only where there are several."""

    def __init__(self, store: Store) -> None:
        self._redis, self._presence = store.redis, Presence(store)
        self._rooms: dict[str, int] = {}
        self._asked_at = float("-inf")
        self._lock = Lock()

    def take(self, conversation: Conversation) -> str | None:
        """The worker that holds it, if it is ready and has room: one place less then, until it says again how busy it is."""
        with self._lock:
            self._ask()
            if not self._rooms:
                return None
        held: Any = self._redis.hget(Keys(conversation.surface).of(conversation, "state"), FIELD)
        holder = held.decode() if held else ""
        with self._lock:
            if self._rooms.get(holder, 0) < 1:
                return None
            self._rooms[holder] -= 1
            return holder

    def is_waiting(self, conversation: Conversation) -> bool:
        """Whether no worker has begun with it."""
        return self._redis.zscore(Keys(conversation.surface).line, str(conversation)) is not None

    def _ask(self) -> None:
        if monotonic() - self._asked_at >= EVERY_SECONDS:
            ready = [worker for worker in self._presence.workers() if worker.stage == "ready"]
            # One alone takes all there is anyway.
            several = ready if len(ready) > 1 else []
            self._rooms = {worker.id: worker.slots - worker.busy for worker in several if worker.keeps}
            self._asked_at = monotonic()
