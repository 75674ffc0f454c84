"""The forward of Qwen2, Llama and Qwen3: what they have in common, and the two places where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig, Rope
from workers.engines.paged.weights import LayerWeights, Weights

# Layer, q [tokens, heads, width], k and v [tokens, kv heads, width] -> [tokens, heads * width]; also fills the cache.
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


class Model:
    """Tokens in one row after the other, of whichever sequences; only `attend` knows which belong together."""

    def __init__(self, config: ModelConfig, weights: Weights, context: int) -> None:
        self.config, self._weights, self._shape = config, weights, config.shape
        self.device, self.dtype = weights.norm.device, weights.norm.dtype
        self._cos, self._sin = (table.to(weights.norm) for table in rope_tables(config.rope, self._shape.head_dim, context))

    def hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """ids and positions [tokens] -> [tokens, hidden]."""
        hidden = F.embedding(ids, self._weights.embedding)
        cos, sin = self._cos[positions], self._sin[positions]
        for number, layer in enumerate(self._weights.layers):
            q, k, v = self._qkv(self._norm(hidden, layer.input_norm), layer)
            attended = attend(number, _rotate(q, cos, sin), _rotate(k, cos, sin), v)
            hidden = hidden + F.linear(attended, layer.out, layer.out_bias)
            gate, up = F.linear(self._norm(hidden, layer.post_norm), layer.gate_up).chunk(2, dim=-1)
            hidden = hidden + F.linear(F.silu(gate) * up, layer.down)
        return self._norm(hidden, self._weights.norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """[rows, hidden] -> float32 [rows, vocabulary]."""
        return F.linear(hidden, self._weights.head).float()

    def _qkv(self, hidden: Tensor, layer: LayerWeights) -> tuple[Tensor, Tensor, Tensor]:
        shape = self._shape
        heads = F.linear(hidden, layer.qkv, layer.qkv_bias).view(len(hidden), -1, shape.head_dim)
        q, k, v = heads.tensor_split((shape.heads, shape.heads + shape.kv_heads), dim=1)
        if layer.q_norm is not None and layer.k_norm is not None:
            q, k = self._norm(q, layer.q_norm), self._norm(k, layer.k_norm)
        return q, k, v

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, weight.shape, weight, self.config.eps)


def rope_tables(rope: Rope, width: int, context: int) -> tuple[Tensor, Tensor]:
    """cos and sin, float32 [context, 1, width]; the halves of a head turn together."""
    frequencies = 1.0 / rope.theta ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    if rope.llama3:
        frequencies = _scale_as_llama3(frequencies, *rope.llama3)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), frequencies).repeat(1, 2)[:, None]
    return angles.cos(), angles.sin()


def _scale_as_llama3(frequencies: Tensor, factor: float, low: float, high: float, original: float) -> Tensor:
    """Slow turns are slowed by `factor`, quick ones are not, those between a bit: https://arxiv.org/abs/2407.21783."""
    turns = original * frequencies / (2 * math.pi)
    part = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - part) * frequencies / factor + part * frequencies


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
