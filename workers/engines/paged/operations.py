"""What a layer does beside attention, in plain torch. `cuda` has the same in fewer launches."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig
from workers.engines.paged.weights import LayerWeights


class Operations:
    """All take rows of tokens, [tokens, ...]."""

    def __init__(self, config: ModelConfig) -> None:
        self._eps, self._shape = config.eps, config.shape

    def norm_linear(self, x: Tensor, norm: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.linear(self._norm(x, norm), weight, bias)

    def add_linear(self, hidden: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """hidden plus the product; `hidden` itself is not needed any more."""
        return hidden + F.linear(x, weight, bias)

    def norm_swiglu(self, x: Tensor, norm: Tensor, gate_up: Tensor) -> Tensor:
        gate, up = self.norm_linear(x, norm, gate_up).chunk(2, dim=-1)
        return F.silu(gate) * up

    def rotate(self, heads: Tensor, layer: LayerWeights, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """heads [tokens, all heads, width] -> queries, keys and values; the first two normed, if at all, and rotated."""
        q, k, v = self._split(heads)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = self._norm(q, layer.q_norm), self._norm(k, layer.k_norm)
        return _rotate(q, cos, sin), _rotate(k, cos, sin), v

    def _split(self, heads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = heads.tensor_split((self._shape.heads, self._shape.heads + self._shape.kv_heads), dim=1)
        return q, k, v

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self._eps)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The halves of a head turn together."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
