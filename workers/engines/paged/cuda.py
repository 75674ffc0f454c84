"""What only NVIDIA GPUs have: FlashAttention for prompts, kernels for single tokens, CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from workers.engines import kernels
from workers.engines.kernels import Kernels
from workers.engines.kernels.varlen import varlen
from workers.engines.paged.attention import Attention
from workers.engines.paged.config import ModelConfig
from workers.engines.paged.model import Attend
from workers.engines.paged.operations import Operations
from workers.engines.paged.runner import Step
from workers.engines.paged.scheduler import Chunk
from workers.engines.paged.sizes import Sizes
from workers.engines.paged.weights import LayerWeights

# The more rows, the less some more of padding cost.
_BATCHES = (1, 2, 4, *range(8, 64, 8), *range(64, 256, 32), *range(256, 1024, 128))


class FlashAttention(Attention):
    """`kernel` is `kernels.paged.attend`."""

    def __init__(
        self, config: ModelConfig, sizes: Sizes, device: torch.device, dtype: torch.dtype, kernel: Callable[..., Tensor]
    ) -> None:
        super().__init__(config, sizes.num_blocks, sizes.block, device, dtype)
        self._kernel, self._scale = kernel, config.shape.head_dim**-0.5

    def decode(self, tables: Tensor, lengths: Tensor) -> Attend:
        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = self.cache[layer]
            return self._kernel(q[:, None], keys, values, k[:, None], v[:, None], lengths, tables, self._scale).flatten(1)

        return attend

    def _prefill(self, chunks: Several[Chunk], slots: list[Tensor], new: Tensor) -> Attend:
        cached = torch.cat(slots)
        num_new, num_all = [chunk.end - chunk.start for chunk in chunks], [chunk.end for chunk in chunks]
        ends_new, ends_all = (self._tensor([0, *accumulate(lengths)]).int() for lengths in (num_new, num_all))

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            self._write(layer, new, k, v)
            keys, values = self._flat[layer].index_select(1, cached)
            lengths = max(num_new), max(num_all)
            return varlen(q, keys, values, ends_new, ends_all, *lengths, self._scale, causal=True).flatten(1)

        return attend


class FusedOperations(Operations):
    """With few rows a product and what is around it are one launch; with many, cuBLAS is faster."""

    def __init__(self, config: ModelConfig, kernels: Kernels) -> None:
        super().__init__(config)
        self._kernels = kernels

    def norm_linear(self, x: Tensor, norm: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if len(x) > self._kernels.max_rows:
            return super().norm_linear(x, norm, weight, bias)
        return self._kernels.linear(x, weight, norm=(norm, self._eps), bias=bias)

    def add_linear(self, hidden: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if len(x) <= self._kernels.max_rows:
            return self._kernels.linear(x, weight, bias=bias, add_to=hidden)
        return (hidden if bias is None else hidden.add_(bias)).addmm_(x, weight.T)

    def norm_swiglu(self, x: Tensor, norm: Tensor, gate_up: Tensor) -> Tensor:
        if len(x) > self._kernels.max_rows:
            return self._kernels.silu_mul(super().norm_linear(x, norm, gate_up))
        return self._kernels.linear(x, gate_up, norm=(norm, self._eps), gated=True)

    def rotate(self, heads: Tensor, layer: LayerWeights, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        norms = None if layer.q_norm is None else (layer.q_norm, layer.k_norm, self._eps)
        self._kernels.rotate(heads, cos, sin, self._shape.heads, self._shape.kv_heads, norms)
        return self._split(heads)


def find_kernels(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Kernels | None:
    """None where FlashAttention or Triton do not run: old GPUs, float32, odd heads, no C compiler."""
    shape = config.shape
    if not kernels.has_flash(device, dtype, shape.head_dim):
        return None
    return kernels.find_kernels(shape.heads, shape.kv_heads, shape.head_dim, dtype, device)


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
