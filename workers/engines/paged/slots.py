"""What each slot needs for its next token stays on the device: its last token, its length, its blocks."""

from __future__ import annotations

from itertools import repeat

import torch
from torch import Tensor

from workers.engines.kernels import Kernels
from workers.engines.paged.sampler import ROW_WIDTH
from workers.engines.paged.sequence import Sequence
from workers.engines.paged.transfer import send, tensor


class Slots:
    """The row after the last slot is for padding. With `kernels` the same takes fewer launches."""

    def __init__(self, num: int, context: int, block_size: int, device: torch.device, kernels: Kernels | None = None) -> None:
        """`num` slots of `context` tokens."""
        self._block_size, self._device, self._kernels = block_size, device, kernels
        self._tokens = torch.zeros(num + 1, dtype=torch.int64, device=device)
        self._lengths = torch.full((num + 1,), -1, device=device)
        num_blocks = -(-context // block_size)
        self.tables = torch.zeros((num + 1, num_blocks), dtype=torch.int32, device=device)
        self._news = torch.empty(num * (1 + ROW_WIDTH + num_blocks), dtype=torch.int32, device=device)

    def place(self, sequences: list[Sequence], rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        """They have just got their slots and blocks. What the sampler needs of each, `rows`, is taken along: slots, rows."""
        most = max(len(sequence.blocks) for sequence in sequences)
        numbers: list[int] = []
        for one, row in zip(sequences, rows, strict=True):
            numbers += (one.slot, *row, *one.blocks, *repeat(0, most - len(one.blocks)))
        there = send(numbers, self._news).view(len(sequences), -1)
        slots, rest, blocks = torch.split(there, [1, ROW_WIDTH, most], dim=1)
        slots = slots.flatten().long()
        self.tables[:, :most].index_copy_(0, slots, blocks)
        return slots, rest

    def grow(self, sequences: list[Sequence]) -> None:
        """They have each got one block more."""
        numbers = tensor([[one.slot, len(one.blocks) - 1, one.blocks[-1]] for one in sequences], self._device)
        rows, columns, blocks = numbers.T
        self.tables[rows, columns] = blocks.int()

    def look_up(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Of each its last token, its length, that after the next token, its blocks; lengths are -1 for padding."""
        if self._kernels:
            return self._kernels.look_up(rows, self._tokens, self._lengths, self.tables, self._block_size)
        lengths = self._lengths[rows]
        # -1 is a token of which the host does not know yet that it was no number.
        return self._tokens[rows].clamp(min=0), lengths, lengths + (lengths >= 0), self.tables[rows]

    def keep(self, rows: Tensor, chosen: Tensor, lengths: Tensor) -> None:
        """The last token of each, and its length now without it."""
        if self._kernels:
            self._kernels.keep(rows, chosen, lengths, self._tokens, self._lengths)
        else:
            self._tokens[rows], self._lengths[rows] = chosen, lengths
