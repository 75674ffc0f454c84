"""What only NVIDIA GPUs have: kernels that do the same in fewer launches, CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from workers.engines import kernels
from workers.engines.kernels import Kernels
from workers.engines.paged.attention import Attention, Reading, Turns
from workers.engines.paged.config import ModelConfig
from workers.engines.paged.model import Attend
from workers.engines.paged.operations import Operations, Stream
from workers.engines.paged.sizes import Sizes
from workers.engines.paged.weights import LayerWeights, Matrix

# The more rows, the less some more of padding cost.
_BATCHES = (1, 2, 4, *range(8, 64, 8), *range(64, 256, 32), *range(256, 1024, 128))
_CHUNKS = (64, *range(128, 512, 128), *range(512, 1024, 256), *range(1024, 2048, 512))
# From so many on cuBLAS is as fast for a few rows as our kernels: the head.
_MANY_OUTPUTS = 32_768
# And up to so many rows it is slower at gates.
_MOST_GATED = 32


class FusedAttention(Attention):
    def __init__(self, config: ModelConfig, sizes: Sizes, device: torch.device, dtype: torch.dtype, kernels: Kernels) -> None:
        super().__init__(config, sizes, device, dtype)
        self._kernels, self._scale = kernels, config.shape.head_dim**-0.5

    def decode(self, tables: Tensor, lengths: Tensor) -> Attend:
        # -1 is padding, which takes those of the last place.
        turns = cos, sin = self._turns(lengths)

        def attend(number: int, layer: LayerWeights, heads: Tensor) -> Tensor:
            # Where there are norms to take before it, rotating is a launch of its own.
            is_rotated = layer.q_norm is not None
            parts = self._rotated(layer, heads, turns) if is_rotated else self._split(heads)
            q, k, v = (part[:, None] for part in parts)
            later = None if is_rotated else (cos[:, 0], sin[:, 0])
            return self._kernels.attend(q, *self.cache[number], k, v, lengths, tables, self._scale, turns=later).flatten(1)

        return attend

    def plan(
        self, tables: Tensor, slots: Tensor, ends_new: Tensor, ends_all: Tensor, num_new: list[int], num_all: list[int]
    ) -> Reading:
        numbers = slots, ends_new, ends_all, tables, self._rope
        turns, new, tables, ends_new, ends_all = self._kernels.plan(*numbers, self.block_size, sum(num_new))
        cos, sin = turns.unbind(1)
        return Reading((cos, sin), new, tables, ends_new, ends_all, num_new, num_all)

    def prefill(self, reading: Reading) -> Attend:
        turns, chunks = reading.turns, (reading.ends_new, reading.ends_all, reading.tables)

        def attend(number: int, layer: LayerWeights, heads: Tensor) -> Tensor:
            q, _, _ = self._rotated(layer, heads, turns, (*self._flat[number], reading.new))
            return self._kernels.attend_chunks(q, *self.cache[number], *chunks, self._scale).flatten(1)

        return attend

    def _rotated(
        self, layer: LayerWeights, heads: Tensor, turns: Turns, cache: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """With a cache of keys, one of values and the places in them, these two are written there and not as they are given."""
        norms = None if layer.q_norm is None else (layer.q_norm, layer.k_norm, self._eps)
        self._kernels.rotate(heads, *turns, self._shape.heads, self._shape.kv_heads, norms, cache)
        return self._split(heads)


class FusedOperations(Operations):
    """For a single row a product and what is around it are one launch, for a few rows one or two."""

    def __init__(self, config: ModelConfig, kernels: Kernels) -> None:
        super().__init__(config)
        self._kernels = kernels

    def norm_linear(self, stream: Stream, norm: Tensor, weight: Matrix, bias: Tensor | None = None) -> Tensor:
        if len(stream.hidden) == 1:
            return self._multiply_row(stream.hidden, weight, norm=(norm, self._eps), bias=bias)
        if self._are_few(stream.hidden) and len(weight.values) <= _MANY_OUTPUTS:
            return self._kernels.multiply_rows(self._normed(stream, norm), weight.values, bias=bias)
        return super().norm_linear(stream, norm, weight, bias)

    def add_linear(
        self, stream: Stream, x: Tensor, weight: Matrix, bias: Tensor | None = None, *, norm: Tensor | None = None
    ) -> Stream:
        hidden = stream.hidden
        if len(hidden) == 1:
            return Stream(self._multiply_row(x, weight, bias=bias, add_to=hidden))
        if self._are_few(hidden):
            then = None if norm is None else (norm, self._eps)
            return Stream(hidden, self._kernels.add_rows(hidden, x, weight.values, bias=bias, norm=then))
        return Stream((hidden if bias is None else hidden.add_(bias)).addmm_(x, weight.wide(x.dtype).T))

    def norm_swiglu(self, stream: Stream, norm: Tensor, gate_up: Matrix) -> Tensor:
        if len(stream.hidden) == 1:
            return self._multiply_row(stream.hidden, gate_up, norm=(norm, self._eps), gated=True)
        if self._are_few(stream.hidden) and len(stream.hidden) <= _MOST_GATED:
            x = self._normed(stream, norm)
            return self._kernels.multiply_rows(x, gate_up.values, gated=True)
        return self._kernels.silu_mul(super().norm_linear(stream, norm, gate_up))

    def _are_few(self, hidden: Tensor) -> bool:
        return 1 < len(hidden) <= self._kernels.most_rows

    def _multiply_row(self, x: Tensor, weight: Matrix, **around: Any) -> Tensor:
        return self._kernels.multiply_row(x, weight.values, scales=weight.scales, **around)

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return self._kernels.norm(x, weight, self._eps)


def find_kernels(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Kernels | None:
    """None where they do not run: old GPUs, float32, odd heads, no C compiler."""
    shape = config.shape
    if not kernels.has_flash(device, dtype, shape.head_dim):
        return None
    return kernels.find_kernels(shape.heads, shape.kv_heads, shape.head_dim, dtype, device)


def batch_sizes(num_slots: int) -> list[int]:
    """The numbers of rows to capture a step for; the last one holds all slots."""
    return [*(size for size in _BATCHES if size < num_slots), num_slots]


def chunk_sizes(chunk: int) -> list[int]:
    """The numbers of new tokens to capture the reading of chunks for; the last one is the whole chunk."""
    return [*(size for size in _CHUNKS if size < chunk), chunk]


def make_capture() -> Callable[[Callable[[], Tensor]], Callable[[], Tensor]]:
    """What makes CUDA graphs of launches. All share their memory: what one gives must be copied before the next runs.

    Each engine needs one of its own: torch forgets the memory together with the last graph in it.
    """
    return partial(_capture, torch.cuda.graph_pool_handle())


def _capture(pool: Any, launch: Callable[[], Tensor]) -> Callable[[], Tensor]:
    make: Any = torch.cuda.Stream
    aside = make()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        launch()  # what is compiled and allocated the first time must not be captured
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        chosen = launch()

    def replay() -> Tensor:
        graph.replay()
        return chosen

    return replay
