"""One request on its way through the engine."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from workers.engines.base import Request
from workers.engines.loop import Queued
from workers.engines.paged.blocks import Digests


@dataclass(slots=True, eq=False)
class Sequence(Queued):
    """`ids` are prompt and reply as far as they are read, `hashed` the first of their blocks. `num_computed` tokens are in
    the cache or on their way into it, `num_pending` tokens are chosen but not read yet.
    """

    request: Request
    order: int
    seed: int
    ids: array[int]
    slot: int = -1
    blocks: list[int] = field(default_factory=list)
    num_computed: int = 0
    num_published: int = 0
    num_pending: int = 0
    is_ended: bool = False
    hashed: Digests = field(default_factory=Digests)
    _has_thought: bool = False
    _is_closing: bool = False

    @property
    def num_left(self) -> int:
        """Known tokens that are not in the cache."""
        return len(self.ids) - self.num_computed

    @property
    def num_new(self) -> int:
        return len(self.ids) - len(self.request.prompt) + self.num_pending

    @property
    def wants_token(self) -> bool:
        return self.num_new < self.request.max_tokens and not (self._may_close_now and self.num_pending)

    def forced(self) -> int:
        """The id that must come next, to end a thought that is too long; -1 if the model may choose."""
        thought = self.request.thought
        if thought is None:
            return -1
        if self._may_close_now:
            self._is_closing = True
        index = self.num_new - thought.tokens
        return thought.closing[index] if self._is_closing and 0 <= index < len(thought.closing) else -1

    def take(self, id: int) -> None:
        """Add a token that was read."""
        self.ids.append(id)
        self.num_pending -= 1
        thought = self.request.thought
        self._has_thought |= thought is not None and id == thought.end_id

    def digests(self, num_blocks: int, block_size: int) -> list[bytes]:
        """Of the first full blocks of `ids`."""
        start, end = len(self.hashed) * block_size, num_blocks * block_size
        if start < end:
            self.hashed.add(self.ids[start:end].tobytes(), block_size)
        return self.hashed[:num_blocks]

    @property
    def _may_close_now(self) -> bool:
        """Whether to close the thought is decided here, and only once all tokens before are read."""
        thought = self.request.thought
        return thought is not None and self.num_new == thought.tokens and not self._has_thought
