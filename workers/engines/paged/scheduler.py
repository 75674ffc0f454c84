"""What runs in the next step: one token for everybody who writes, and one chunk of what is still to be read.

It knows no tensors. Sequences wait, then hold a slot and blocks while they are read and written, and may be set back.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from operator import attrgetter

from workers.engines.paged.blocks import BlockPool
from workers.engines.paged.sequence import Sequence

# So many are read in one launch.
MAX_CHUNKS = 31

_urgency = attrgetter("urgency")


@dataclass(frozen=True, slots=True)
class Chunk:
    """The tokens from `start` to `end` of a sequence, to be read in one launch with others."""

    sequence: Sequence
    start: int
    end: int

    @property
    def num_tokens(self) -> int:
        return self.end - self.start

    @property
    def is_last(self) -> bool:
        return self.end == len(self.sequence.ids)

    @property
    def samples(self) -> bool:
        return self.is_last and not self.sequence.is_background


@dataclass(frozen=True, slots=True)
class Schedule:
    """One step. `placed` have just got their slots and blocks, or others for these, `grown` one block more."""

    chunks: list[Chunk]
    decodes: list[Sequence]
    placed: list[Sequence]
    grown: list[Sequence]


class Scheduler:
    """Decodes never wait for more of a prompt than a chunk; people's requests never wait for background work."""

    def __init__(self, pool: BlockPool, num_slots: int) -> None:
        self.pool = pool
        self.num_prompt_tokens = self.num_cached_tokens = self.num_preempted = 0
        self._free_slots = list(range(num_slots))
        self._waiting: list[Sequence] = []
        self._prefilling: list[Sequence] = []
        self._running: list[Sequence] = []

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    @property
    def num_active(self) -> int:
        return len(self._prefilling) + len(self._running)

    def add(self, sequence: Sequence) -> None:
        insort(self._waiting, sequence, key=_urgency)

    def schedule(self, chunk: int) -> Schedule:
        """One step, in which at most `chunk` tokens of prompts are read."""
        grown = self._grow()
        placed = self._admit()
        decodes = [sequence for sequence in self._running if sequence.wants_token]
        chunks = self._chunks(placed, chunk)
        return Schedule(chunks, decodes, placed, [one for one in grown if one.slot >= 0])

    def read(self, chunks: list[Chunk]) -> None:
        """The device was told to read them."""
        for chunk in chunks:
            sequence = chunk.sequence
            if chunk.is_last:
                self._prefilling.remove(sequence)
                insort(self._running, sequence, key=_urgency)
            sequence.num_computed = chunk.end
            sequence.num_pending += chunk.samples
            self.publish(sequence)

    def written(self, sequences: list[Sequence]) -> None:
        """The device was told to write their next token."""
        for sequence in sequences:
            sequence.num_computed += 1
            sequence.num_pending += 1

    def publish(self, sequence: Sequence) -> None:
        """Let others find the blocks that are full by now."""
        size = self.pool.block_size
        num_full = min(sequence.num_computed, len(sequence.ids)) // size
        if num_full <= sequence.num_published or not sequence.blocks:
            return
        digests = sequence.digests(num_full, size)
        for index in range(sequence.num_published, num_full):
            self.pool.publish(sequence.blocks[index], digests[index], sequence.request.conversation)
        sequence.num_published = num_full

    def remove(self, sequence: Sequence) -> None:
        """It has ended, wherever it was. Its prompt may come again; thoughts never do, so what it wrote goes first."""
        if sequence.slot < 0:
            self._waiting.remove(sequence)
        else:
            self._vacate(sequence, len(sequence.request.prompt) // self.pool.block_size)

    def remove_broken(self, sequence: Sequence) -> list[int]:
        """The same for one whose cache holds what is no number; gives the blocks that are to be wiped."""
        blocks = list(sequence.blocks)
        self.remove(sequence)
        return self.pool.forget(blocks)

    def forget(self, conversation: str | None) -> list[int]:
        """Nobody shall find what was said there alone, or anywhere; gives the blocks that are to be wiped."""
        return self.pool.forget(self.pool.owned_by(conversation))

    def preempt_last(self) -> bool:
        """Set back the least urgent; false when there is only one."""
        if self.num_active > 1:
            self._preempt(self.last())
            return True
        return False

    def _grow(self) -> list[Sequence]:
        """A block for each next token that begins one; the least urgent are set back where there is none."""
        grown = []
        for sequence in list(self._running):
            while sequence.slot >= 0 and sequence.wants_token and self._is_full(sequence):
                if self.pool.num_free:
                    sequence.blocks += self.pool.take(1)
                    grown.append(sequence)
                else:
                    self._preempt(self.last())
        return grown

    def _is_full(self, sequence: Sequence) -> bool:
        return sequence.num_computed >= len(sequence.blocks) * self.pool.block_size

    def _admit(self) -> list[Sequence]:
        placed = []
        while self._waiting and self._may_start(first := self._waiting[0]):
            known = self._known(first)
            if not (self._free_slots and self._fits(first, known)):
                break
            self._start(self._waiting.pop(0), known)
            placed.append(first)
        return placed

    def _may_start(self, sequence: Sequence) -> bool:
        """Background work runs while nothing else does, and makes room at once; what it has read stays known."""
        if sequence.is_background:
            return not any(not other.is_background for other in self._active())
        for other in [other for other in self._active() if other.is_background]:
            self._preempt(other)
        # A token of it that is not read yet would be missing.
        return sequence.num_pending == 0

    def _known(self, sequence: Sequence) -> list[int]:
        # The last token is always computed: what follows it is wanted.
        num_blocks = (len(sequence.ids) - 1) // self.pool.block_size
        return self.pool.find(sequence.digests(num_blocks, self.pool.block_size))

    def _fits(self, sequence: Sequence, known: list[int]) -> bool:
        """With a block to spare for each that runs, so that nobody is set back for a newcomer soon."""
        needed = self.pool.blocks_for(len(sequence.ids)) - len(known) + self.pool.count_free(known)
        return needed + self.num_active <= self.pool.num_free

    def _start(self, sequence: Sequence, known: list[int]) -> None:
        self.pool.share(known, sequence.request.conversation)
        sequence.blocks = known + self.pool.take(self.pool.blocks_for(len(sequence.ids)) - len(known))
        sequence.slot = self._free_slots.pop()
        sequence.num_computed = len(known) * self.pool.block_size
        sequence.num_published = len(known)
        self.num_prompt_tokens += len(sequence.ids)
        self.num_cached_tokens += sequence.num_computed
        insort(self._prefilling, sequence, key=_urgency)

    def _catch_up(self, sequence: Sequence, placed: list[Sequence]) -> None:
        """Do not read again what others have read since it came. Its table changes, so it is among those placed."""
        start, size = sequence.num_published, self.pool.block_size
        if sequence in placed or sequence.num_computed != start * size or not (known := self._known(sequence)[start:]):
            return
        self.pool.share(known, sequence.request.conversation)
        self.pool.release(sequence.blocks[start : start + len(known)], 0)
        sequence.blocks[start : start + len(known)] = known
        sequence.num_published += len(known)
        sequence.num_computed += len(known) * size
        self.num_cached_tokens += len(known) * size
        placed.append(sequence)

    def _chunks(self, placed: list[Sequence], chunk: int) -> list[Chunk]:
        """Half of the chunk is for the oldest, so that it always moves; the rest is for those with the least left."""
        if not self._prefilling:
            return []
        oldest, *others = self._prefilling
        self._catch_up(oldest, placed)
        half = -(-chunk // 2)
        room = chunk - min(oldest.num_left, half)
        parts = []
        for sequence in sorted(others, key=attrgetter("num_left"))[: MAX_CHUNKS - 1]:
            if not room:
                break
            self._catch_up(sequence, placed)
            parts.append((sequence, min(sequence.num_left, room)))
            room -= parts[-1][1]
        parts.append((oldest, min(oldest.num_left, half + room)))
        return [Chunk(one, one.num_computed, one.num_computed + num) for one, num in parts if num]

    def _active(self) -> list[Sequence]:
        return self._prefilling + self._running

    def last(self) -> Sequence:
        return max(self._active(), key=_urgency)

    def _preempt(self, sequence: Sequence) -> None:
        """Set back: all it has is computed again later, except what is still known then."""
        self.num_preempted += 1
        self._vacate(sequence, len(sequence.blocks))
        sequence.num_computed = 0
        self.add(sequence)

    def _vacate(self, sequence: Sequence, num_kept: int) -> None:
        self.publish(sequence)
        self.pool.release(sequence.blocks, num_kept)
        self._free_slots.append(sequence.slot)
        (self._running if sequence in self._running else self._prefilling).remove(sequence)
        sequence.blocks, sequence.slot = [], -1
