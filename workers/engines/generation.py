"""One reply on its way from the engine's process to whoever asked for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Self

from workers.engines.base import Ended
from workers.engines.errors import EngineDied


class Generation:
    """One reply on its way: `read` gives new ids, in order; then `ended` says why it ended.

    Reading raises `EngineDied` when the engine process is gone. Leaving the `with` block cancels what is not ended.
    """

    def __init__(self, id: str, cancel: Callable[[], None]) -> None:
        self.id = id
        self.ended: Ended | None = None
        self.cancel = cancel
        self._arrived: deque[int] = deque()
        self._end: Ended | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._wants_any = self._died = False

    def read(self, not_before: float = 0.0) -> tuple[int, ...]:
        """All that has come, waiting for something; nothing when it has ended. Before that time the end alone is told.

        So who looks now and then is not woken for every step: with many replies that would be most of the work.
        """
        self._rest(not_before)
        self._wants_any = True
        while not self._arrived and self._end is None:
            self._bell.get()
        self._wants_any = False
        is_last = self._end is not None
        ids = tuple(self._arrived.popleft() for _ in range(len(self._arrived)))
        if is_last and not ids:
            self.ended = self._end
            if self._died:
                raise EngineDied
        return ids

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        while ids := self.read():
            yield ids

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.ended is None:
            self.cancel()

    def arrive(self, id: int) -> None:
        self._arrived.append(id)
        if self._wants_any:
            self._bell.put(None)

    def end(self, ended: Ended) -> None:
        self._end = ended
        self._bell.put(None)

    def die(self) -> None:
        self._died = True
        self.end(Ended(self.id, "error", "the engine process died"))

    def _rest(self, until: float) -> None:
        while self._end is None and (seconds := until - monotonic()) > 0:
            with suppress(Empty):
                self._bell.get(timeout=seconds)
