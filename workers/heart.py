"""Keeps leases alive while replies are made, and interrupts a reply that is not wanted any more."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import sqrt
from threading import Event, Lock, Thread
from typing import Any, Literal

import structlog
from redis.exceptions import RedisError

from bot.core.lease import Lease, Leases
from bot.core.store import CHANGED, CONTROL, STOP, Store

log = structlog.get_logger()

Interrupt = Literal["stop", "lost", "timeout", "hand_back"]
_BEATS_PER_LEASE = 4
_LISTEN_SECONDS = 0.2
_NUM_MEASURED = 64


class Watch:
    """One reply in the making. The first interrupt counts; it cancels whatever is attached, now or later."""

    def __init__(self, seconds: float) -> None:
        self.reason: Interrupt | None = None
        self._ends_at = time.monotonic() + seconds
        self._cancel: Callable[[], None] = lambda: None
        self._lock = Lock()

    @property
    def is_overdue(self) -> bool:
        return time.monotonic() > self._ends_at

    def attach(self, cancel: Callable[[], None]) -> None:
        with self._lock:
            self._cancel = cancel
            interrupted = self.reason is not None
        if interrupted:
            cancel()

    def interrupt(self, reason: Interrupt) -> None:
        with self._lock:
            if self.reason is not None:
                return
            self.reason, cancel = reason, self._cancel
        cancel()


class Heart:
    """One thread beats for all leases of the worker; another hears at once of a wish to stop."""

    def __init__(self, store: Store, leases: Leases, lease_seconds: float, reply_seconds: float) -> None:
        self._store, self._leases = store, leases
        self._pause, self._reply_seconds = lease_seconds / _BEATS_PER_LEASE, reply_seconds
        self.listeners: list[Callable[[str | None, bool], None]] = []
        """They hear where what was said has changed, and whether something was erased. None is that it may have been
        anywhere, as we heard nothing for a while.
        """
        self._has_listened = False
        self._beating: dict[str, tuple[Lease, Watch]] = {}
        self._seconds: deque[float] = deque(maxlen=_NUM_MEASURED)
        self._closing = Event()
        self._threads = [Thread(target=run, daemon=True) for run in (self._beat_for_ever, self._listen_for_ever)]
        for thread in self._threads:
            thread.start()

    @property
    def num_busy(self) -> int:
        return len(self._beating)

    @property
    def reply_seconds(self) -> float:
        """What a reply took, on average of the last ones; 0 before the first."""
        seconds = list(self._seconds)
        return sum(seconds) / len(seconds) if seconds else 0.0

    @property
    def reply_spread(self) -> float:
        """Their standard deviation, as if one more had been off by a whole reply: a few tell little."""
        seconds, mean = list(self._seconds), self.reply_seconds
        return sqrt((sum((one - mean) ** 2 for one in seconds) + mean**2) / (len(seconds) + 1))

    @contextmanager
    def beating(self, lease: Lease) -> Iterator[Watch]:
        watch = Watch(self._reply_seconds)
        if lease.is_unwanted:
            watch.interrupt("stop")
        # By its token: a conversation has a second one here where this worker lost the first and was woken again.
        self._beating[lease.token] = lease, watch
        began_at = time.monotonic()
        try:
            yield watch
        finally:
            self._seconds.append(time.monotonic() - began_at)
            del self._beating[lease.token]

    def hand_back_all(self) -> None:
        """The worker shuts down: every reply in the making goes back to its inbox."""
        for _, watch in list(self._beating.values()):
            watch.interrupt("hand_back")

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _beat_for_ever(self) -> None:
        while not self._closing.wait(self._pause):
            self._beat(list(self._beating.values()))

    def _beat(self, beating: list[tuple[Lease, Watch]]) -> None:
        for _, watch in beating:
            if watch.is_overdue:
                watch.interrupt("timeout")
        # While Redis is away a lease may run out; the commit will tell.
        with suppress(RedisError):
            answers = self._leases.renew_all([lease for lease, _ in beating])
            for (_, watch), held in zip(beating, answers, strict=True):
                if held != "held":
                    watch.interrupt(held)

    def _listen_for_ever(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except RedisError as problem:
                log.info("control channel lost", action="control_lost", error=str(problem))
                self._closing.wait(_LISTEN_SECONDS)

    def _listen(self) -> None:
        with self._store.channel(CONTROL, tells_begin=True) as channel:
            while not self._closing.is_set():
                message: dict[str, Any] | None = channel.get_message(timeout=_LISTEN_SECONDS)
                if message and message["type"] == "message":
                    self._hear(message["data"].decode())
                elif message:
                    self._begin_to_hear()

    def _begin_to_hear(self) -> None:
        """Whatever was told while Redis was away, we have missed."""
        if self._has_listened:
            self._tell(None, is_erased=True)
        self._has_listened = True

    def _hear(self, told: str) -> None:
        """A reply is given up before anybody is to forget it. To stop one changes nothing that was said before."""
        conversation = told.removeprefix(STOP).removeprefix(CHANGED)
        if found := [one for one in list(self._beating.values()) if str(one[0].conversation) == conversation]:
            self._beat(found)
        if not told.startswith(STOP):
            self._tell(conversation, is_erased=conversation == told)

    def _tell(self, conversation: str | None, *, is_erased: bool) -> None:
        for listener in self.listeners:
            listener(conversation, is_erased)
