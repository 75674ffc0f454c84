"""The cache of keys and values in blocks, and attention over it with torch's own function, on any device."""

from __future__ import annotations

from collections.abc import Sequence as Several

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from workers.engines.paged.config import ModelConfig
from workers.engines.paged.model import Attend
from workers.engines.paged.scheduler import Chunk
from workers.engines.paged.transfer import tensor


class Attention:
    """`cache` [layers, 2, blocks, tokens, kv heads, width]. A launch prepares once what all its layers share."""

    def __init__(self, config: ModelConfig, num_blocks: int, block_size: int, device: torch.device, dtype: torch.dtype) -> None:
        shape = config.shape
        self.block_size, self._heads = block_size, (shape.kv_heads, shape.heads // shape.kv_heads, shape.head_dim)
        sides = (shape.layers, 2, num_blocks, block_size, shape.kv_heads, shape.head_dim)
        # Zeros: what is masked is still multiplied, and memory as it comes may hold NaN.
        self.cache = torch.zeros(sides, device=device, dtype=dtype)
        self._flat = self.cache.flatten(2, 3)

    def wipe(self, blocks: list[int]) -> None:
        self.cache[:, :, blocks] = 0

    def decode(self, tables: Tensor, lengths: Tensor) -> Attend:
        """One new token for each row of `tables` [rows, blocks], after `lengths` [rows] tokens; -1 is a row of padding."""
        positions = lengths.clamp(min=0).long()
        most = int(positions.max()) + 1
        at = self._slots(tables.gather(1, positions[:, None] // self.block_size).squeeze(1), positions)
        blocks = tables[:, : -(-most // self.block_size)].flatten()
        mask = None
        if len(tables) > 1:
            mask = (torch.arange(most, device=tables.device) <= positions[:, None])[:, None, None]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self._write(layer, at, k, v)
            cached = self.cache[layer].index_select(1, blocks).view(2, len(q), -1, *self.cache.shape[4:])
            keys, values = cached[:, :, :most].transpose(2, 3)
            # The heads of a group stand where queries of one head would: nothing is repeated.
            grouped = q.view(len(q), *self._heads)
            return scaled_dot_product_attention(grouped, keys, values, attn_mask=mask).flatten(1)

        return attend

    def prefill(self, chunks: Several[Chunk]) -> Attend:
        """The tokens of each chunk, one chunk after the other."""
        tables = [self._tensor(chunk.sequence.blocks) for chunk in chunks]
        positions = [torch.arange(chunk.end, device=self.cache.device) for chunk in chunks]
        slots = [self._slots(table[at // self.block_size], at) for table, at in zip(tables, positions, strict=True)]
        new = torch.cat([all_slots[chunk.start :] for all_slots, chunk in zip(slots, chunks, strict=True)])
        return self._prefill(chunks, slots, new)

    def _prefill(self, chunks: Several[Chunk], slots: list[Tensor], new: Tensor) -> Attend:
        """`slots` of all tokens of each sequence so far, `new` of those that are read now."""
        lengths = [chunk.end - chunk.start for chunk in chunks]
        masks = [_later_is_hidden(chunk.start, chunk.end, new.device) if chunk.start else None for chunk in chunks]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self._write(layer, new, k, v)
            outputs = [
                self._attend_one(layer, queries, at, mask)
                for queries, at, mask in zip(torch.split(q, lengths), slots, masks, strict=True)
            ]
            return torch.cat(outputs).flatten(1)

        return attend

    def _attend_one(self, layer: int, q: Tensor, at: Tensor, mask: Tensor | None) -> Tensor:
        keys, values = self._flat[layer].index_select(1, at).transpose(1, 2)
        q = q.transpose(0, 1)
        output = scaled_dot_product_attention(
            q[None], keys[None], values[None], attn_mask=mask, is_causal=mask is None, enable_gqa=True
        )
        return output[0].transpose(0, 1)

    def _write(self, layer: int, at: Tensor, k: Tensor, v: Tensor) -> None:
        self._flat[layer, 0].index_copy_(0, at, k)
        self._flat[layer, 1].index_copy_(0, at, v)

    def _slots(self, blocks: Tensor, positions: Tensor) -> Tensor:
        return blocks * self.block_size + positions % self.block_size

    def _tensor(self, numbers: list[int]) -> Tensor:
        return tensor(numbers, self.cache.device)


def _later_is_hidden(start: int, end: int, device: torch.device) -> Tensor:
    return torch.ones(end - start, end, dtype=torch.bool, device=device).tril(start)
