"""The worker's processes as the engine's process sees them. Each has a wire of its own and hears of its own requests alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from socket import MSG_DONTWAIT, socket
from threading import Lock
from typing import Any

from workers.engines import wire
from workers.engines.base import Event


class Client:
    """One of them. Its requests carry its number within the engine; `open` are those that have not ended."""

    def __init__(self, number: int, wire_end: socket) -> None:
        self.number, self.wire = number, wire_end
        self.open: set[str] = set()
        self._unsent: deque[bytes] = deque()
        self._writing = Lock()

    def name(self, key: str) -> str:
        return f"{self.number}:{key}"

    def send(self, message: dict[str, Any]) -> None:
        """Never waits: what the other side is too slow to read goes with the next message. If it is gone, its wire says so."""
        with self._writing:
            self._unsent.append(wire.pack(message))
            self._push(MSG_DONTWAIT)

    def flush(self) -> None:
        with self._writing:
            self._push(0)

    def _push(self, how: int) -> None:
        with suppress(OSError):  # no room, or nobody there
            while self._unsent:
                part = self._unsent[0]
                if rest := part[self.wire.send(part, how) :]:
                    self._unsent[0] = rest
                else:
                    self._unsent.popleft()


class Clients:
    """All of them, by number; the first, with number 0, keeps the engine. Safe to share between threads."""

    def __init__(self, keeper: socket) -> None:
        self.keeper = Client(0, keeper)
        self._all = {"0": self.keeper}
        self._status: dict[str, Any] | None = None
        self._changing = Lock()

    def welcome(self, wire_end: socket, number: int) -> Client:
        """One more, who is told at once how far the engine is."""
        client = Client(number, wire_end)
        with self._changing:
            if self._status:
                client.send(self._status)
            self._all = {**self._all, str(number): client}
        return client

    def part_with(self, client: Client) -> None:
        with self._changing:
            self._all = {key: one for key, one in self._all.items() if one is not client}
        client.wire.close()

    def tell(self, status: dict[str, Any]) -> None:
        """How far the engine is."""
        with self._changing:
            self._status = status
            for client in self._all.values():
                client.send(status)

    def beat(self, stats: dict[str, Any] | None) -> None:
        """A sign of life to all; the engine's numbers to the first alone, so that they are counted once."""
        for client in self._all.values():
            client.send({"beat": stats if client is self.keeper else None})

    def hand_out(self, events: Iterable[Event]) -> None:
        """What a step brought, a message for each of whom it concerns."""
        for number, message in wire.dump_events(events).items():
            if client := self._all.get(number):
                client.open.difference_update(end[0] for end in message["ends"])
                client.send(message)
