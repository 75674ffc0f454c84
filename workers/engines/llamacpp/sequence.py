"""One request on its way through the engine."""

from __future__ import annotations

from dataclasses import dataclass

from workers.engines.base import Request
from workers.engines.llamacpp.runtime import Sampler
from workers.engines.loop import Queued


@dataclass(slots=True, eq=False)
class Sequence(Queued):
    """`ids` are prompt and reply. With a `slot` it has a place in the cache, where the first `num_read` of them are."""

    request: Request
    order: int
    sampler: Sampler
    ids: list[int]
    slot: int = -1
    num_read: int = 0
    _is_closing: bool = False

    @property
    def num_left(self) -> int:
        """Tokens that are not in the cache: one while it writes, more while it reads."""
        return len(self.ids) - self.num_read

    @property
    def num_new(self) -> int:
        return len(self.ids) - len(self.request.prompt)

    @property
    def is_full(self) -> bool:
        return self.num_new >= self.request.max_tokens

    def forced(self) -> int | None:
        """The id that must come next, to end a thought that is too long; None if the model may choose."""
        thought = self.request.thought
        if thought is None:
            return None
        index = self.num_new - thought.tokens
        if index == 0:
            self._is_closing = thought.end_id not in self.ids[len(self.request.prompt) :]
        return thought.closing[index] if self._is_closing and 0 <= index < len(thought.closing) else None
