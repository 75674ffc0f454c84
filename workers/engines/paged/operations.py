"""What a layer does beside attention, in plain torch. `cuda` has the same in fewer launches."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig
from workers.engines.paged.weights import Matrix
from workers.engines.wide import Linear


class Stream(NamedTuple):
    """The residual stream [tokens, hidden], and its norm, in 8 bits or not, where that came along with what was added last."""

    hidden: Tensor
    normed: Tensor | None = None
    narrowed: Matrix | None = None


class Operations:
    """All take rows of tokens, [tokens, ...]."""

    def __init__(self, config: ModelConfig, linear: Linear = F.linear) -> None:
        self._eps, self._linear = config.eps, linear

    def norm_linear(self, stream: Stream, norm: Tensor, weight: Matrix, bias: Tensor | None = None) -> Tensor:
        return self._linear(self._normed(stream, norm), weight.wide(norm.dtype), bias)

    def add_linear(
        self, stream: Stream, x: Tensor, weight: Matrix, bias: Tensor | None = None, *, norm: Tensor | None = None
    ) -> Stream:
        """The stream plus the product; what was given is not needed any more. `norm` is the next that will be asked for."""
        return Stream(stream.hidden + self._linear(x, weight.wide(x.dtype), bias))

    def norm_swiglu(self, stream: Stream, norm: Tensor, gate_up: Matrix) -> Tensor:
        gate, up = self.norm_linear(stream, norm, gate_up).chunk(2, dim=-1)
        return F.silu(gate) * up

    def add_swiglu(self, stream: Stream, norm: Tensor, gate_up: Matrix, down: Matrix, *, next_norm: Tensor | None) -> Stream:
        return self.add_linear(stream, self.norm_swiglu(stream, norm, gate_up), down, norm=next_norm)

    def _normed(self, stream: Stream, norm: Tensor) -> Tensor:
        return self._norm(stream.hidden, norm) if stream.normed is None else stream.normed

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self._eps)
