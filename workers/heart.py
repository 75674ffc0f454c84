"""Keeps leases alive while replies are made, and interrupts a reply that is not wanted any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any, Literal

import structlog
from redis.exceptions import RedisError

from bot.core.lease import Lease, Leases
from bot.core.store import CONTROL, Store

log = structlog.get_logger()

Interrupt = Literal["stop", "lost", "timeout", "hand_back"]
_BEATS_PER_LEASE = 4
_LISTEN_SECONDS = 1.0


class Watch:
    """One reply in the making. The first interrupt counts; it cancels whatever is attached, now or later."""

    def __init__(self, lease: Lease, seconds: float) -> None:
        self.lease = lease
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
        self._watches: dict[str, Watch] = {}
        self._closing = Event()
        for run in (self._beat_for_ever, self._listen_for_ever):
            Thread(target=run, daemon=True, name=run.__name__).start()

    @property
    def num_busy(self) -> int:
        return len(self._watches)

    @contextmanager
    def beating(self, lease: Lease) -> Iterator[Watch]:
        watch = self._watches[str(lease.conversation)] = Watch(lease, self._reply_seconds)
        self._beat(watch)  # a wish to stop may be older than the lease
        try:
            yield watch
        finally:
            del self._watches[str(lease.conversation)]

    def hand_back_all(self) -> None:
        """The worker shuts down: every reply in the making goes back to its inbox."""
        for watch in list(self._watches.values()):
            watch.interrupt("hand_back")

    def close(self) -> None:
        self._closing.set()

    def _beat_for_ever(self) -> None:
        while not self._closing.wait(self._pause):
            for watch in list(self._watches.values()):
                self._beat(watch)

    def _beat(self, watch: Watch) -> None:
        if watch.is_overdue:
            watch.interrupt("timeout")
        # While Redis is away the lease may run out; the commit will tell.
        with suppress(RedisError):
            held = self._leases.renew(watch.lease)
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
        with self._store.redis.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CONTROL)
            while not self._closing.is_set():
                message: dict[str, Any] | None = channel.get_message(timeout=_LISTEN_SECONDS)
                watch = self._watches.get(message["data"].decode()) if message else None
                if watch is not None:
                    self._beat(watch)
