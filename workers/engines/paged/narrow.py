"""Products by weights in 8 bits on GPUs: what they are multiplied by is rounded to 8 bits too, but where it is a single row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import getLogger
from typing import Any

import torch
from torch import Tensor

from workers.engines.kernels import Kernels
from workers.engines.paged.config import ModelConfig
from workers.engines.paged.cuda import FusedOperations
from workers.engines.paged.operations import Operations, Stream
from workers.engines.paged.weights import Matrix, narrow

log = getLogger(__name__)

# Up to so many rows products in Triton are faster than cuBLAS, where they run at all; gates up to fewer.
_MOST_ROWS, _MOST_GATED = 256, 128


def find_operations(config: ModelConfig, kernels: Kernels, dtype: torch.dtype, device: torch.device) -> Operations:
    """`NarrowOperations` where they run. Elsewhere weights are made wide for each product, which takes no more memory."""
    operations = NarrowOperations(config, kernels)
    try:
        _try_out(operations, dtype, device)
    except Exception as error:  # of Triton, of cuBLAS, of the C compiler
        log.warning("Replies will be slower: products in 8 bits do not run here (%s).", type(error).__name__)
        return Operations(config)
    return operations


def _try_out(operations: NarrowOperations, dtype: torch.dtype, device: torch.device) -> None:
    """What a layer asks for, for a single row, for a few and for many."""
    ones = partial(torch.ones, dtype=dtype, device=device)
    norm, gate_up, down = ones(256), narrow(ones(512, 256)), narrow(ones(256, 256))
    for num_rows in (1, 32, _MOST_ROWS + 1):
        stream = Stream(ones(num_rows, 256))
        operations.norm_linear(stream, norm, down)
        stream = operations.add_linear(stream, ones(num_rows, 256), down, norm=norm)
        operations.add_swiglu(stream, norm, gate_up, down, next_norm=norm)


class NarrowOperations(FusedOperations):
    """Each row is rounded with a scale of its own: norms as they are taken, and what else is multiplied before it is."""

    def norm_linear(self, stream: Stream, norm: Tensor, weight: Matrix, bias: Tensor | None = None) -> Tensor:
        if weight.scales is None or len(stream.hidden) == 1:  # the head is whole
            return super().norm_linear(stream, norm, weight, bias)
        multiply = self._kernels.multiply_rows if self._is_few(stream, _MOST_ROWS) else self._kernels.multiply_narrow
        product: Tensor = _by(multiply, self._narrowed(stream, norm), weight, bias=bias, dtype=norm.dtype)
        return product

    def add_linear(
        self, stream: Stream, x: Tensor, weight: Matrix, bias: Tensor | None = None, *, norm: Tensor | None = None
    ) -> Stream:
        if len(stream.hidden) == 1:
            return super().add_linear(stream, x, weight, bias, norm=norm)
        return self._add(stream, self._narrow(x), weight, bias, norm)

    def add_swiglu(self, stream: Stream, norm: Tensor, gate_up: Matrix, down: Matrix, *, next_norm: Tensor | None) -> Stream:
        if len(stream.hidden) == 1:
            return super().add_swiglu(stream, norm, gate_up, down, next_norm=next_norm)
        x = self._narrowed(stream, norm)
        if self._is_few(stream, _MOST_GATED):
            between = self._narrow(_by(self._kernels.multiply_rows, x, gate_up, gated=True, dtype=norm.dtype))
        else:
            between = self._narrow(_by(self._kernels.multiply_narrow, x, gate_up, dtype=norm.dtype), gated=True)
        return self._add(stream, between, down, None, next_norm)

    def _add(self, stream: Stream, x: Matrix, weight: Matrix, bias: Tensor | None, norm: Tensor | None) -> Stream:
        hidden, then = stream.hidden, None if norm is None else (norm, self._eps)
        if self._is_few(stream, _MOST_ROWS):
            normed = _by(partial(self._kernels.add_rows, hidden), x, weight, bias=bias, norm=then)
            return Stream(hidden, narrowed=Matrix(*normed) if normed else None)
        product = _by(self._kernels.multiply_narrow, x, weight, bias=bias, dtype=hidden.dtype)
        return Stream(hidden, narrowed=self._narrow(hidden, add=product, norm=then)) if then else Stream(hidden.add_(product))

    def _is_few(self, stream: Stream, most: int) -> bool:
        return self._kernels.most_rows > 1 and len(stream.hidden) <= most

    def _narrowed(self, stream: Stream, norm: Tensor) -> Matrix:
        return stream.narrowed or self._narrow(stream.hidden, norm=(norm, self._eps))

    def _narrow(self, x: Tensor, **before: Any) -> Matrix:
        return Matrix(*self._kernels.narrow(x, **before))


def _by(multiply: Callable[..., Any], x: Matrix, weight: Matrix, **around: Any) -> Any:
    return multiply(x.values, weight.values, scales=(x.scales, weight.scales), **around)
