"""Launches on the device. What each slot needs for its next token stays there: its last token, its length, its blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from workers.engines.paged.attention import Attention
from workers.engines.paged.model import Model
from workers.engines.paged.sampler import Sampler, has_penalty
from workers.engines.paged.scheduler import Chunk
from workers.engines.paged.sequence import Sequence
from workers.engines.paged.transfer import Numbers, bring_home, tensor

# Row numbers -> their next tokens; the step for a certain number of rows.
Step = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Launch:
    """Tokens on their way from the device, one for each of `sequences`."""

    sequences: list[Sequence]
    read: Callable[[], list[int]]


class Runner:
    """The row after the last slot is for padding: it writes into block 0 and nobody reads it."""

    def __init__(self, model: Model, attention: Attention, sampler: Sampler, num_slots: int, context: int) -> None:
        self._model, self._attention, self._sampler = model, attention, sampler
        self.padding = num_slots
        device = model.device
        self._tokens = torch.zeros(num_slots + 1, dtype=torch.int64, device=device)
        self._lengths = torch.full((num_slots + 1,), -1, dtype=torch.int32, device=device)
        num_blocks = -(-context // attention.block_size)
        self._tables = torch.zeros((num_slots + 1, num_blocks), dtype=torch.int32, device=device)
        self._captured: dict[int, Callable[[list[int]], Tensor]] = {}

    def place(self, sequences: list[Sequence]) -> None:
        """They have just got their slots and blocks."""
        for sequence in sequences:
            self._tables[sequence.slot, : len(sequence.blocks)] = self._tensor(sequence.blocks).int()
            self._sampler.place(sequence)

    def grow(self, sequences: list[Sequence]) -> None:
        """They have each got one block more."""
        if sequences:
            rows, columns, blocks = self._tensor([[one.slot, len(one.blocks) - 1, one.blocks[-1]] for one in sequences]).T
            self._tables[rows, columns] = blocks.int()

    def wipe(self, blocks: list[int]) -> None:
        """Make what is no number in them harmless for the next that use them."""
        if blocks:
            self._attention.wipe(blocks)

    @torch.inference_mode()
    def prefill(self, chunks: list[Chunk]) -> Launch | None:
        """Read the chunks; those that are read to the end choose their next token."""
        ids = self._tensor([id for chunk in chunks for id in chunk.sequence.ids[chunk.start : chunk.end]])
        positions = self._tensor([position for chunk in chunks for position in range(chunk.start, chunk.end)])
        hidden = self._model.hidden(ids, positions, self._attention.prefill(chunks))
        ends = accumulate(chunk.end - chunk.start for chunk in chunks)
        choosing = [(chunk, end - 1) for chunk, end in zip(chunks, ends, strict=True) if chunk.samples]
        if not choosing:
            return None
        sequences = [chunk.sequence for chunk, _ in choosing]
        lengths = self._tensor([chunk.end for chunk, _ in choosing])
        last = hidden[self._tensor([at for _, at in choosing])]
        self._force(sequences)
        rows = self._tensor([sequence.slot for sequence in sequences])
        chosen = self._choose(last, rows, lengths, sequences)
        self._lengths[rows] = lengths.int()
        return Launch(sequences, bring_home(chosen))

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> Launch:
        """One more token for each."""
        self._force(sequences)
        slots = [sequence.slot for sequence in sequences]
        bucket = next((size for size in self._captured if size >= len(slots)), None)
        if bucket is None or any(has_penalty(sequence.request.sampling) for sequence in sequences):
            chosen = self._step(self._tensor(slots), sequences)
        else:
            chosen = self._captured[bucket](slots + [self.padding] * (bucket - len(slots)))[: len(slots)]
        return Launch(sequences, bring_home(chosen))

    @torch.inference_mode()
    def capture(self, sizes: list[int], capture: Callable[[Step, Tensor], Callable[[], Tensor]]) -> None:
        """Have the step of each of these batch sizes captured: `capture` gives what runs it on the same rows again."""
        for size in sorted(sizes, reverse=True):
            rows = torch.full((size,), self.padding, device=self._model.device)
            self._captured[size] = _replay(rows, capture(lambda rows: self._step(rows, None), rows))
        self._captured = dict(sorted(self._captured.items()))

    def _step(self, rows: Tensor, who: list[Sequence] | None) -> Tensor:
        """Everything from the last token to the next, so that it can be captured: nothing here waits for the device."""
        lengths = self._lengths[rows]
        positions = lengths.clamp(min=0).long()
        # -1 is a token of which the host does not know yet that it was no number.
        ids = self._tokens[rows].clamp(min=0)
        hidden = self._model.hidden(ids, positions, self._attention.decode(self._tables[rows], lengths))
        chosen = self._choose(hidden, rows, positions + 1, who)
        self._lengths[rows] = lengths + (lengths >= 0)
        return chosen

    def _choose(self, hidden: Tensor, rows: Tensor, num_tokens: Tensor, who: list[Sequence] | None) -> Tensor:
        chosen = self._sampler.choose(self._model.logits(hidden), rows, num_tokens, who)
        self._tokens[rows] = chosen
        return chosen

    def _force(self, sequences: list[Sequence]) -> None:
        self._sampler.force({sequence.slot: id for sequence in sequences if (id := sequence.forced()) >= 0})

    def _tensor(self, numbers: Numbers) -> Tensor:
        return tensor(numbers, self._model.device)


def _replay(rows: Tensor, run: Callable[[], Tensor]) -> Callable[[list[int]], Tensor]:
    def replay(slots: list[int]) -> Tensor:
        rows.copy_(tensor(slots, rows.device))
        return run()

    return replay
