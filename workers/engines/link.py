"""The wire to an engine's process, and the replies that the engine owes: of a life that is ours, or of one we visit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from math import inf
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, socket
from threading import Lock
from time import monotonic
from typing import Any

from workers.engines import wire
from workers.engines.base import Ended, Request
from workers.engines.generation import Generation


class Link:
    """One end of the wire. `messages` must be read by one thread until it is over, then `bury` called."""

    pid: int | None = None
    """The engine's process, where it is ours."""

    def __init__(self, wire_end: socket) -> None:
        self._wire = wire_end
        self._writing, self._opening = Lock(), Lock()
        self._open: dict[str, Generation] = {}
        self._keys = map(str, count())
        self._over = False
        self.heard_at = monotonic()

    def begin(self, request: Request) -> Generation:
        key = next(self._keys)
        generation = Generation(request.id, partial(self._cancel, key))
        with self._opening:
            if self._over:
                generation.die()
            else:
                self._open[key] = generation
        self._write(wire.pack_request(replace(request, id=key)))
        return generation

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the engine's process says about itself, until it is gone; tokens and ends go to their generations."""
        for message in wire.receive(self._wire):
            # While somebody is busy with this one nothing else is read, and nobody is silent.
            self.heard_at = inf
            if "ends" in message:
                self._dispatch(**message)
            elif message.get("beat", True):
                yield message
            self.heard_at = monotonic()

    def forget(self, conversation: str | None) -> None:
        """After what was cancelled before, in this order."""
        self.send({"forget": conversation})

    def send(self, message: dict[str, Any]) -> None:
        self._write(wire.pack(message))

    def ask_to_close(self) -> None:
        """End the conversation in good order, for our part."""
        self.kill()

    def kill(self) -> None:
        """End it now."""
        with suppress(OSError):
            self._wire.shutdown(SHUT_RDWR)

    def bury(self) -> None:
        """Tell everyone who still waits, and leave nothing behind."""
        with self._opening:
            self._over = True
        for key in list(self._open):
            if generation := self._open.pop(key, None):  # else it was cancelled just now
                generation.die()
        with self._writing:
            self._wire.close()

    def _cancel(self, key: str) -> None:
        # Whoever takes the generation out of the table ends it, so that there is one end under any race.
        if generation := self._open.pop(key, None):
            generation.end(Ended(generation.id, "cancelled"))
            self.send({"cancel": key})

    def _write(self, message: bytes) -> None:
        # That nobody is there is no news: the end of `messages` tells everyone.
        with self._writing, suppress(OSError):
            self._wire.sendall(message)

    def _dispatch(self, of: list[str], ids: list[int], ends: list[list[Any]]) -> None:
        for key, id in zip(of, ids, strict=True):
            if generation := self._open.get(key):
                generation.arrive(id)
        for ended in map(wire.load_end, ends):
            if generation := self._open.pop(ended.id, None):
                generation.end(replace(ended, id=generation.id))


def visit(keeper: Path) -> Link:
    """To an engine that another process keeps, and lets in there. Waits for none: it may come later. Raises OSError."""
    end = socket(AF_UNIX)
    try:
        end.connect(str(keeper))
    except OSError:
        end.close()
        raise
    return Link(end)
