"""What a layer does beside attention, in plain torch. `cuda` has the same in fewer launches."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig


class Operations:
    """All take rows of tokens, [tokens, ...]."""

    def __init__(self, config: ModelConfig) -> None:
        self._eps = config.eps

    def norm_linear(self, x: Tensor, norm: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.linear(self._norm(x, norm), weight, bias)

    def add_linear(self, hidden: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """hidden plus the product; `hidden` itself is not needed any more."""
        return hidden + F.linear(x, weight, bias)

    def norm_swiglu(self, x: Tensor, norm: Tensor, gate_up: Tensor) -> Tensor:
        gate, up = self.norm_linear(x, norm, gate_up).chunk(2, dim=-1)
        return F.silu(gate) * up

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self._eps)
