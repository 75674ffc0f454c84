"""What the engine is to read while nobody waits: the beginning of the next prompt of conversations that were just answered."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from workers.engines.base import Request
from workers.engines.generation import Generation
from workers.reply import Generator

MAX_ASKED = 64


class Ahead:
    """The newest 64, one a conversation: an engine that is never idle is not to be buried in them. Threads share it."""

    def __init__(self, engine: Generator) -> None:
        self._engine = engine
        self._asked: OrderedDict[str, Generation] = OrderedDict()
        self._lock = Lock()

    def read(self, conversation: str, ids: tuple[int, ...]) -> None:
        self.drop(conversation)
        generation = self._engine.generate(Request(conversation, ids, 0, conversation=conversation), timeout=0)
        with self._lock:
            self._asked[conversation] = generation
            oldest = self._asked.popitem(last=False)[1] if len(self._asked) > MAX_ASKED else None
        if oldest:
            oldest.cancel()

    def drop(self, conversation: str | None) -> None:
        """Its next prompt is here, or will be another; None is everybody's. What was read already stays."""
        with self._lock:
            names = list(self._asked) if conversation is None else [conversation]
            dropped = [self._asked.pop(name) for name in names if name in self._asked]
        for generation in dropped:
            generation.cancel()
