"""What a layer does beside attention, in plain torch. `cuda` has the same in fewer launches."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig


class Stream(NamedTuple):
    """The residual stream [tokens, hidden], and its norm where that came along with what was added last."""

    hidden: Tensor
    normed: Tensor | None = None


class Operations:
    """All take rows of tokens, [tokens, ...]."""

    def __init__(self, config: ModelConfig) -> None:
        self._eps = config.eps

    def norm_linear(self, stream: Stream, norm: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.linear(self._normed(stream, norm), weight, bias)

    def add_linear(
        self, stream: Stream, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, norm: Tensor | None = None
    ) -> Stream:
        """The stream plus the product; what was given is not needed any more. `norm` is the next that will be asked for."""
        return Stream(stream.hidden + F.linear(x, weight, bias))

    def norm_swiglu(self, stream: Stream, norm: Tensor, gate_up: Tensor) -> Tensor:
        gate, up = self.norm_linear(stream, norm, gate_up).chunk(2, dim=-1)
        return F.silu(gate) * up

    def _normed(self, stream: Stream, norm: Tensor) -> Tensor:
        return self._norm(stream.hidden, norm) if stream.normed is None else stream.normed

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self._eps)
