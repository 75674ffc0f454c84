"""The forward of Qwen2, Llama and Qwen3: what they have in common, and the two places where they differ."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.paged.config import ModelConfig
from workers.engines.paged.operations import Operations, Stream
from workers.engines.paged.weights import LayerWeights, Weights

# Number of the layer, layer, [tokens, heads + 2 * kv heads, width] -> [tokens, heads * width]; also fills the cache.
Attend = Callable[[int, LayerWeights, Tensor], Tensor]


class Model:
    """Tokens in one row after the other, of whichever sequences; only `attend` knows which belong together."""

    def __init__(self, config: ModelConfig, weights: Weights, operations: Operations) -> None:
        self.config, self._weights, self._do = config, weights, operations
        self.device, self.dtype = weights.norm.device, weights.norm.dtype

    def hidden(self, ids: Tensor, attend: Attend) -> Tensor:
        """ids [tokens] -> [tokens, hidden]."""
        do, stream = self._do, Stream(F.embedding(ids, self._weights.embedding))
        # Only a few of the rows are asked for what comes after the last layer.
        next_norms = [*(layer.input_norm for layer in self._weights.layers[1:]), None]
        for number, (layer, next_norm) in enumerate(zip(self._weights.layers, next_norms, strict=True)):
            heads = do.norm_linear(stream, layer.input_norm, layer.qkv, layer.qkv_bias)
            attended = attend(number, layer, heads.view(len(ids), -1, self.config.shape.head_dim))
            stream = do.add_linear(stream, attended, layer.out, layer.out_bias, norm=layer.post_norm)
            stream = do.add_swiglu(stream, layer.post_norm, layer.gate_up, layer.down, next_norm=next_norm)
        return stream.hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """[rows, hidden] -> [rows, vocabulary]."""
        return self._do.norm_linear(Stream(hidden), self._weights.norm, self._weights.head)
