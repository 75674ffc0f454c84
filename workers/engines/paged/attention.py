"""The cache of keys and values in blocks, and attention over it with torch's own function, on any device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from workers.engines.paged.config import ModelConfig
from workers.engines.paged.model import Attend
from workers.engines.paged.rope import rope_table, rotate
from workers.engines.paged.sizes import Sizes
from workers.engines.paged.weights import LayerWeights

# cos and sin of each token, [tokens, 1, width].
Turns = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Reading:
    """Chunks of several sequences in one launch: where in the cache their new tokens go, and which blocks are theirs.

    `turns` and `new` of the new tokens, `tables` [chunks, blocks]; `ends_new` and `ends_all` [chunks + 1], int32, count
    both up.
    `num_new` and `num_all` are each chunk's, on the host; a captured launch knows only how many new tokens there may be.
    """

    turns: Turns
    new: Tensor
    tables: Tensor
    ends_new: Tensor
    ends_all: Tensor
    num_new: list[int]
    num_all: list[int]


class Attention:
    """`cache` [layers, 2, blocks, tokens, kv heads, width]. A launch prepares once what all its layers share."""

    def __init__(self, config: ModelConfig, sizes: Sizes, device: torch.device, dtype: torch.dtype) -> None:
        self._shape, self._eps, self.block_size = shape, _, block = config.shape, config.eps, sizes.block
        self._rope = rope_table(config.rope, shape.head_dim, sizes.context).to(device, dtype)
        sides = (shape.layers, 2, sizes.num_blocks, block, shape.kv_heads, shape.head_dim)
        # Zeros: what is masked is still multiplied, and memory as it comes may hold NaN.
        self.cache = torch.zeros(sides, device=device, dtype=dtype)
        self._flat = self.cache.flatten(2, 3)

    def plan(
        self, tables: Tensor, slots: Tensor, ends_new: Tensor, ends_all: Tensor, num_new: list[int], num_all: list[int]
    ) -> Reading:
        """`tables` of all slots, `slots` of the chunks. Nothing here waits for the device; beyond the last end is padding."""
        tables, starts = tables[slots], ends_all.diff() - ends_new.diff()
        chunks, positions = _places(ends_new, sum(num_new))
        # Padding may count beyond the end of the context.
        positions = (positions + starts[chunks]).clamp(max=len(self._rope) - 1)
        new = self._look_up(tables, chunks, positions)
        return Reading(self._turns(positions), new, tables, ends_new.int(), ends_all.int(), num_new, num_all)

    def wipe(self, blocks: list[int]) -> None:
        self.cache[:, :, blocks] = 0

    def decode(self, tables: Tensor, lengths: Tensor) -> Attend:
        """One new token for each row of `tables` [rows, blocks], after `lengths` [rows] tokens; -1 is a row of padding."""
        positions = lengths.clamp(min=0)
        most = int(positions.max()) + 1
        at = self._slots(tables.gather(1, positions[:, None] // self.block_size).squeeze(1), positions)
        blocks = tables[:, : -(-most // self.block_size)].flatten()
        mask = None
        if len(tables) > 1:
            mask = (torch.arange(most, device=tables.device) <= positions[:, None])[:, None, None]

        turns = self._turns(positions)

        def attend(number: int, layer: LayerWeights, heads: Tensor) -> Tensor:
            q, k, v = self._rotated(layer, heads, turns)
            self._write(number, at, k, v)
            cached = self.cache[number].index_select(1, blocks).view(2, len(q), -1, *self.cache.shape[4:])
            keys, values = cached[:, :, :most].transpose(2, 3)
            # The heads of a group stand where queries of one head would: nothing is repeated.
            grouped = q.view(len(q), self._shape.kv_heads, -1, self._shape.head_dim)
            return scaled_dot_product_attention(grouped, keys, values, attn_mask=mask).flatten(1)

        return attend

    def prefill(self, reading: Reading) -> Attend:
        """The tokens of each chunk, one chunk after the other."""
        slots = torch.split(self._cached(reading), reading.num_all)
        masks = [
            _later_is_hidden(num_all - num_new, num_all, reading.new.device) if num_all > num_new else None
            for num_new, num_all in zip(reading.num_new, reading.num_all, strict=True)
        ]

        def attend(number: int, layer: LayerWeights, heads: Tensor) -> Tensor:
            q, k, v = self._rotated(layer, heads, reading.turns)
            self._write(number, reading.new, k, v)
            outputs = [
                self._attend_one(number, queries, at, mask)
                for queries, at, mask in zip(torch.split(q, reading.num_new), slots, masks, strict=True)
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

    def _turns(self, positions: Tensor) -> Turns:
        cos, sin = self._rope[positions].unbind(1)
        return cos, sin

    def _rotated(self, layer: LayerWeights, heads: Tensor, turns: Turns) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values; the first two normed, if the layer has norms for them, and rotated."""
        q, k, v = self._split(heads)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = (F.rms_norm(x, norm.shape, norm, self._eps) for x, norm in ((q, layer.q_norm), (k, layer.k_norm)))
        return rotate(q, *turns), rotate(k, *turns), v

    def _split(self, heads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = heads.tensor_split((self._shape.heads, self._shape.heads + self._shape.kv_heads), dim=1)
        return q, k, v

    def _write(self, layer: int, at: Tensor, k: Tensor, v: Tensor) -> None:
        self._flat[layer, 0].index_copy_(0, at, k)
        self._flat[layer, 1].index_copy_(0, at, v)

    def _cached(self, reading: Reading) -> Tensor:
        """Where all tokens of all chunks are."""
        return self._look_up(reading.tables, *_places(reading.ends_all.long(), sum(reading.num_all)))

    def _look_up(self, tables: Tensor, chunks: Tensor, positions: Tensor) -> Tensor:
        # Padding may count beyond the end of a table.
        columns = (positions // self.block_size).clamp(max=tables.shape[1] - 1)
        return self._slots(tables[chunks, columns].long(), positions)

    def _slots(self, blocks: Tensor, positions: Tensor) -> Tensor:
        return blocks * self.block_size + positions % self.block_size


def _places(ends: Tensor, num_tokens: int) -> tuple[Tensor, Tensor]:
    """Which chunk each token belongs to, and the how manieth it is there; the last chunk has what is beyond its end, too."""
    tokens = torch.arange(num_tokens, device=ends.device)
    chunks = torch.searchsorted(ends[1:], tokens, right=True).clamp(max=len(ends) - 2)
    return chunks, tokens - ends[chunks]


def _later_is_hidden(start: int, end: int, device: torch.device) -> Tensor:
    return torch.ones(end - start, end, dtype=torch.bool, device=device).tril(start)
