"""The loop: hear what is asked, let in what fits, read one step of everybody, choose each next token, tell."""

from __future__ import annotations

from bisect import insort
from operator import attrgetter
from time import perf_counter

from workers.engines.base import Ended, Limits, Reason, Request, Stats, Tokens
from workers.engines.llamacpp.cache import Cache
from workers.engines.llamacpp.runtime import Piece, Runtime
from workers.engines.llamacpp.sequence import Sequence
from workers.engines.loop import LoopEngine

# A step in which prompts are read shall take about this long: until it ends nobody's next token comes, and no cancel is heard.
STEP_SECONDS = 0.5
MIN_CHUNK = 16
# Cells left for each that runs when somebody is let in, so that nobody is set back for a newcomer soon.
SPARE_CELLS = 64
NO_NUMBER = "the model computed what is no number (NaN): its weights are damaged"
NO_ROOM = "llama.cpp's memory is not enough for this request alone"

_urgency = attrgetter("urgency")


class LlamaCppEngine(LoopEngine[Sequence]):
    """See `base.Engine`. `chunk` is the most that is read of prompts in one step. Whatever fails is raised by `step`."""

    def __init__(self, runtime: Runtime, cache: Cache, limits: Limits, num_ids: int, chunk: int) -> None:
        super().__init__(limits, num_ids)
        self._runtime, self._cache = runtime, cache
        self._chunk = self._max_chunk = chunk
        self._waiting: list[Sequence] = []
        self._active: list[Sequence] = []
        self._num_prompt = self._num_known = self._num_set_back = 0

    def stats(self) -> Stats:
        """A block is one token."""
        return Stats(
            running=len(self._active),
            waiting=len(self._waiting),
            blocks=self._cache.num_cells,
            blocks_used=self._cache.num_cells - self._cache.num_free,
            steps=self._num_steps,
            step_seconds=self._step_seconds,
            prompt_tokens=self._num_prompt,
            cached_tokens=self._num_known,
            preemptions=self._num_set_back,
        )

    def close(self) -> None:
        for sequence in self._open.values():
            sequence.sampler.close()
        self._runtime.close()

    def _begin(self, request: Request, order: int, seed: int) -> Sequence:
        sequence = Sequence(request, order, self._runtime.sampler(request, seed), list(request.prompt))
        insort(self._waiting, sequence, key=_urgency)
        return sequence

    def _forget(self, conversation: str | None) -> None:
        self._cache.forget_all(conversation)

    def _run(self) -> None:
        self._admit()
        if self._active:
            self._advance()

    def _admit(self) -> None:
        """Background work runs while nothing else does, and makes room at once; what it has read stays known."""
        while self._waiting and len(self._active) < self.limits.requests:
            first = self._waiting[0]
            if not first.is_background:
                for other in [other for other in self._active if other.is_background]:
                    self._set_back(other)
            elif self._active:
                return
            if not self._cache.fits(first.ids, SPARE_CELLS * len(self._active)):
                if not self._active:
                    self._end(first, "error", NO_ROOM)
                return
            self._waiting.remove(first)
            first.slot, first.num_read = self._cache.place(first.ids, first.request.conversation)
            self._num_prompt += len(first.ids)
            self._num_known += first.num_read
            insort(self._active, first, key=_urgency)

    def _advance(self) -> None:
        """One step. Where the memory has no room for it, the least urgent is set back, and the next step is a smaller one."""
        plan = self._plan()
        pieces = [_piece(one, num) for one, num in plan]
        began_at, wanted = perf_counter(), sum(num for _, num in plan)
        if not self._cache.make_room(wanted):
            self._make_room()
            return
        if not self._runtime.read(pieces):
            self._cache.refused(wanted)
            return
        if any(one.num_left > 1 for one, _ in plan):
            self._pace(perf_counter() - began_at)
        row = -1
        for (sequence, num), piece in zip(plan, pieces, strict=True):
            row += num
            sequence.num_read += num
            self._cache.extend(sequence.slot, piece.ids)
            if piece.asks:
                self._choose(sequence, row)
            elif not sequence.num_left:
                self._end(sequence, "length")

    def _plan(self) -> list[tuple[Sequence, int]]:
        """How much of each is read: one token of who writes, and of prompts together a chunk.

        Half of it is for the oldest, so that it always moves; the rest is for those with the least left.
        """
        plan = [(one, 1) for one in self._active if one.num_left == 1]
        readers = [one for one in self._active if one.num_left > 1]
        if not readers:
            return plan
        oldest, *others = readers
        half = -(-self._chunk // 2)
        room = self._chunk - min(oldest.num_left, half)
        for one in sorted(others, key=attrgetter("num_left")):
            num = min(one.num_left, room)
            room -= num
            plan += [(one, num)] if num else []
        return [*plan, (oldest, min(oldest.num_left, half + room))]

    def _pace(self, seconds: float) -> None:
        """How fast prompts are read is known only here: it depends on model, machine and who else computes."""
        if seconds > 2 * STEP_SECONDS:
            self._chunk = max(MIN_CHUNK, self._chunk // 2)
        elif seconds < STEP_SECONDS / 2:
            self._chunk = min(self._max_chunk, self._chunk * 2)

    def _make_room(self) -> None:
        if len(self._active) > 1:
            self._set_back(self._active[-1])
        else:
            self._end(self._active[0], "error", NO_ROOM)

    def _set_back(self, sequence: Sequence) -> None:
        """All it has is read again later, except what is still known then."""
        self._num_set_back += 1
        self._active.remove(sequence)
        self._cache.leave(sequence.slot, sequence.num_read)
        sequence.slot, sequence.num_read = -1, 0
        insort(self._waiting, sequence, key=_urgency)

    def _choose(self, sequence: Sequence, row: int) -> None:
        id = sequence.forced()
        if id is not None:
            sequence.sampler.accept(id)
        elif (id := sequence.sampler.choose(row)) is None:
            self._cache.forget(sequence.slot)
            sequence.slot = -1
            self._end(sequence, "error", NO_NUMBER)
            return
        if id in sequence.request.stop_ids:
            self._end(sequence, "stop")
            return
        sequence.ids.append(id)
        self._events.append(Tokens(sequence.request.id, (id,)))
        if sequence.is_full:
            self._end(sequence, "length")

    def _end(self, sequence: Sequence, reason: Reason, detail: str = "") -> None:
        """Its prompt may come again; thoughts never do, so of what it wrote nothing is kept."""
        if sequence.slot >= 0:
            self._cache.leave(sequence.slot, min(sequence.num_read, len(sequence.request.prompt)))
        (self._waiting if sequence in self._waiting else self._active).remove(sequence)
        del self._open[sequence.request.id]
        sequence.sampler.close()
        self._events.append(Ended(sequence.request.id, reason, detail))


def _piece(sequence: Sequence, num: int) -> Piece:
    """Where it is the last of what is known, the next token is wanted."""
    begin, end = sequence.num_read, sequence.num_read + num
    return Piece(sequence.slot, begin, sequence.ids[begin:end], end == len(sequence.ids) and not sequence.is_background)
