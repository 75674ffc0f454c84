"""What only NVIDIA GPUs have: FlashAttention for prompts, the paged kernel for single tokens, CUDA graphs.

The kernels were run on a GPU by the transformers engine. This wiring of them, and everything else of this engine on a GPU,
has been run on CPUs alone, with the kernels written out (tests/workers/engines/written_out.py); `auto` leaves it alone
until it is measured. See bench/NOTES.md for what is expected of it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from workers.engines import kernels
from workers.engines.kernels.varlen import varlen
from workers.engines.paged.attention import Attention
from workers.engines.paged.config import ModelConfig
from workers.engines.paged.model import Attend
from workers.engines.paged.runner import Step
from workers.engines.paged.scheduler import Chunk
from workers.engines.paged.sizes import Sizes

# The more rows, the less some more of padding cost.
_BATCHES = (1, 2, 4, *range(8, 64, 8), *range(64, 256, 32), *range(256, 1024, 128))


class FlashAttention(Attention):
    """`kernel` is `kernels.paged.attend`; without it single tokens take torch's attention."""

    def __init__(
        self, config: ModelConfig, sizes: Sizes, device: torch.device, dtype: torch.dtype, kernel: Callable[..., Tensor] | None
    ) -> None:
        super().__init__(config, sizes.num_blocks, sizes.block, device, dtype)
        self._kernel, self._scale = kernel, config.shape.head_dim**-0.5

    @property
    def never_waits(self) -> bool:
        """Whether a step can be captured: torch's attention must know the longest reply first."""
        return self._kernel is not None

    def decode(self, tables: Tensor, lengths: Tensor) -> Attend:
        if (kernel := self._kernel) is None:
            return super().decode(tables, lengths)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = self.cache[layer]
            return kernel(q[:, None], keys, values, k[:, None], v[:, None], lengths, tables, self._scale).flatten(1)

        return attend

    def _prefill(self, chunks: Several[Chunk], slots: list[Tensor], new: Tensor) -> Attend:
        cached = torch.cat(slots)
        num_new, num_all = [chunk.end - chunk.start for chunk in chunks], [chunk.end for chunk in chunks]
        ends_new, ends_all = (
            torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=new.device) for lengths in (num_new, num_all)
        )

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self._write(layer, new, k, v)
            keys, values = self._flat[layer].index_select(1, cached)
            lengths = max(num_new), max(num_all)
            return varlen(q, keys, values, ends_new, ends_all, *lengths, self._scale, causal=True).flatten(1)

        return attend


def make_attention(config: ModelConfig, sizes: Sizes, device: torch.device, dtype: torch.dtype) -> FlashAttention | None:
    """None where FlashAttention does not run: old GPUs, float32, odd heads."""
    shape = config.shape
    if not kernels.has_flash(device, dtype, shape.head_dim):
        return None
    kernel = kernels.find_decode(shape.heads, shape.kv_heads, shape.head_dim, dtype, device)
    return FlashAttention(config, sizes, device, dtype, kernel)


def batch_sizes(num_slots: int) -> list[int]:
    """The numbers of rows to capture a step for; the last one holds all slots."""
    return [*(size for size in _BATCHES if size < num_slots), num_slots]


def capture(step: Step, rows: Tensor) -> Callable[[], Tensor]:
    """A CUDA graph of `step` on `rows`, which must stay where they are."""
    make: Any = torch.cuda.Stream
    aside = make()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step(rows)  # what is compiled and allocated the first time must not be captured
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chosen = step(rows)

    def replay() -> Tensor:
        graph.replay()
        return chosen

    return replay
