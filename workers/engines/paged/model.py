"""The forward of Qwen2, Llama and Qwen3: what they have in common, and the two places where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig, Rope
from workers.engines.paged.operations import Operations
from workers.engines.paged.weights import Weights

# Layer, q [tokens, heads, width], k and v [tokens, kv heads, width] -> [tokens, heads * width]; also fills the cache.
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


class Model:
    """Tokens in one row after the other, of whichever sequences; only `attend` knows which belong together."""

    def __init__(self, config: ModelConfig, weights: Weights, context: int, operations: Operations) -> None:
        self.config, self._weights, self._do = config, weights, operations
        self.device, self.dtype = weights.norm.device, weights.norm.dtype
        self._cos, self._sin = (table.to(weights.norm) for table in rope_tables(config.rope, config.shape.head_dim, context))

    def hidden(self, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """ids and positions [tokens] -> [tokens, hidden]."""
        do, hidden = self._do, F.embedding(ids, self._weights.embedding)
        cos, sin = self._cos[positions], self._sin[positions]
        for number, layer in enumerate(self._weights.layers):
            heads = do.norm_linear(hidden, layer.input_norm, layer.qkv, layer.qkv_bias)
            attended = attend(number, *do.rotate(heads.view(len(ids), -1, self.config.shape.head_dim), layer, cos, sin))
            hidden = do.add_linear(hidden, attended, layer.out, layer.out_bias)
            hidden = do.add_linear(hidden, do.norm_swiglu(hidden, layer.post_norm, layer.gate_up), layer.down)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """[rows, hidden] -> [rows, vocabulary]."""
        return self._do.norm_linear(hidden, self._weights.norm, self._weights.head)


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
