"""Launches on the device, where what each slot needs for its next token stays."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, repeat

import torch
from torch import Tensor

from workers.engines.paged.attention import Attention
from workers.engines.paged.model import Model
from workers.engines.paged.sampler import Sampler
from workers.engines.paged.scheduler import MAX_CHUNKS, Chunk
from workers.engines.paged.sequence import Sequence
from workers.engines.paged.slots import Slots
from workers.engines.paged.transfer import Numbers, bring_home, send, tensor

Run = Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Launch:
    """Tokens on their way from the device, one for each of `sequences`."""

    sequences: list[Sequence]
    read: Callable[[], list[int]]


class Runner:
    """The row after the last slot is for padding: it writes into block 0 and nobody reads it."""

    def __init__(self, model: Model, attention: Attention, sampler: Sampler, slots: Slots, num_slots: int) -> None:
        self._model, self._attention, self._sampler, self._slots = model, attention, sampler, slots
        self.padding = num_slots
        self._steps: dict[int, Callable[[list[int]], Tensor]] = {}
        self._reads: dict[int, Callable[[list[int]], Tensor]] = {}

    @torch.inference_mode()
    def place(self, sequences: list[Sequence]) -> None:
        """They have just got their slots and blocks."""
        if sequences:
            self._sampler.place(sequences, *self._slots.place(sequences, self._sampler.rows_of(sequences)))

    @torch.inference_mode()
    def grow(self, sequences: list[Sequence]) -> None:
        """They have each got one block more."""
        if sequences:
            self._slots.grow(sequences)

    def wipe(self, blocks: list[int]) -> None:
        """Make what is no number in them harmless for the next that use them."""
        if blocks:
            self._attention.wipe(blocks)

    @torch.inference_mode()
    def prefill(self, chunks: list[Chunk]) -> Launch | None:
        """Read the chunks; those that are read to the end choose their next token."""
        choosing = [chunk.sequence for chunk in chunks if chunk.samples]
        self._force(choosing)
        fields = _fields(chunks)
        num_new, num_all = ([chunk.num_tokens for chunk in chunks], [chunk.end for chunk in chunks])
        bucket = next((size for size in self._reads if size >= sum(num_new)), None)
        if bucket is None:
            tokens = self._tensor([number for field in fields for number in field])
            chosen = self._read(torch.split(tokens, [len(field) for field in fields]), num_new, num_all, choosing)
        else:
            chosen = self._reads[bucket](_padded(fields, bucket, self.padding))[: len(choosing)]
        return Launch(choosing, bring_home(chosen)) if choosing else None

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> Launch:
        """One more token for each."""
        self._force(sequences)
        slots = [sequence.slot for sequence in sequences]
        bucket = next((size for size in self._steps if size >= len(slots)), None)
        if bucket is None:
            chosen = self._step(self._tensor(slots), sequences)
        else:
            chosen = self._steps[bucket](slots + [self.padding] * (bucket - len(slots)))[: len(slots)]
        return Launch(sequences, bring_home(chosen))

    @torch.inference_mode()
    def capture(
        self, steps: list[int], reads: list[int], capture: Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
    ) -> None:
        """Have steps of so many rows captured, and readings of so many new tokens: `capture` gives what runs them again."""
        for size in sorted(steps, reverse=True):
            rows = torch.full((size,), self.padding, device=self._model.device)
            self._steps[size] = _replay(rows, capture(partial(self._step, rows, None)))
        for size in sorted(reads, reverse=True):
            numbers = self._tensor(_padded(_fields([]), size, self.padding))
            fields = torch.split(numbers, _widths(size))
            self._reads[size] = _replay(numbers, capture(partial(self._read, fields, [size], [], None)))
        self._steps, self._reads = dict(sorted(self._steps.items())), dict(sorted(self._reads.items()))

    def _read(self, fields: Several[Tensor], num_new: list[int], num_all: list[int], who: list[Sequence] | None) -> Tensor:
        """`fields` are those of `_fields`. Like `_step`, nothing here waits for the device."""
        ids, slots, ends_new, ends_all, last, rows, lengths = fields
        reading = self._attention.plan(self._slots.tables, slots, ends_new, ends_all, num_new, num_all)
        hidden = self._model.hidden(ids, self._attention.prefill(reading))
        if not len(rows):
            return rows
        return self._choose(hidden[last], rows, lengths, who)

    def _step(self, rows: Tensor, who: list[Sequence] | None) -> Tensor:
        """Everything from the last token to the next, so that it can be captured: nothing here waits for the device."""
        ids, lengths, then, tables = self._slots.look_up(rows)
        return self._choose(self._model.hidden(ids, self._attention.decode(tables, lengths)), rows, then, who)

    def _choose(self, hidden: Tensor, rows: Tensor, num_tokens: Tensor, who: list[Sequence] | None) -> Tensor:
        chosen = self._sampler.choose(self._model.logits(hidden), rows, num_tokens, who)
        self._slots.keep(rows, chosen, num_tokens)
        return chosen

    def _force(self, sequences: list[Sequence]) -> None:
        self._sampler.force({sequence.slot: id for sequence in sequences if (id := sequence.forced()) >= 0})

    def _tensor(self, numbers: Numbers) -> Tensor:
        return tensor(numbers, self._model.device)


def _fields(chunks: list[Chunk]) -> list[list[int]]:
    """All ids; slots, ends of new tokens, ends of all tokens; and of who chooses: its last token here, its slot, its length."""
    ends = [0, *accumulate(chunk.num_tokens for chunk in chunks)]
    choosing = [(end - 1, chunk.sequence.slot, chunk.end) for chunk, end in zip(chunks, ends[1:], strict=True) if chunk.samples]
    return [
        [id for chunk in chunks for id in chunk.sequence.ids[chunk.start : chunk.end]],
        [chunk.sequence.slot for chunk in chunks],
        ends,
        [0, *accumulate(chunk.end for chunk in chunks)],
        *([row[column] for row in choosing] for column in range(3)),
    ]


def _widths(num_tokens: int) -> list[int]:
    """Of `_fields` in a captured reading, with one chunk more for padding."""
    num = MAX_CHUNKS + 1
    return [num_tokens, num, num + 1, num + 1, num, num, num]


def _padded(fields: list[list[int]], num_tokens: int, padding: int) -> list[int]:
    """In one row. The last chunk is always padding: what is beyond the ends of the others is its own."""
    fillings = (0, padding, fields[2][-1], fields[3][-1], 0, padding, -1)
    return [
        number
        for field, filling, width in zip(fields, fillings, _widths(num_tokens), strict=True)
        for number in (*field, *repeat(filling, width - len(field)))
    ]


def _replay(numbers: Tensor, run: Callable[[], Tensor]) -> Callable[[list[int]], Tensor]:
    """What writes other numbers there, if they are others, and runs it."""
    there: list[int] = []

    def replay(wanted: list[int]) -> Tensor:
        if wanted != there:
            send(wanted, numbers)
            there[:] = wanted
        return run()

    return replay
