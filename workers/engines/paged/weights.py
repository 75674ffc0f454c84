"""Safetensors -> the weights of our forward: queries, keys and values in one matrix, gate and up in another.

Asked for it, the matrices of the layers are kept in 8 bits (e4m3), the embedding, the head and all else as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workers.checkpoints.families import Shape
from workers.checkpoints.weights import readable
from workers.engines.layout import lay

Get = Callable[[str], Tensor]
_LARGEST = 448.0  # in e4m3


@dataclass(frozen=True, slots=True)
class Matrix:
    """[outputs, inputs]. In 8 bits a row is its `values` times its one of `scales` [outputs], float32 and a power of two."""

    values: Tensor
    scales: Tensor | None = None

    def wide(self, dtype: torch.dtype) -> Tensor:
        """To multiply by a power of two rounds nothing."""
        if self.scales is None:
            return self.values
        return self.values.to(dtype) * self.scales.to(dtype)[:, None]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """`q_norm` and `k_norm` are Qwen3's."""

    input_norm: Tensor
    qkv: Matrix
    qkv_bias: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Matrix
    out_bias: Tensor | None
    post_norm: Tensor
    gate_up: Matrix
    down: Matrix


@dataclass(frozen=True, slots=True)
class Weights:
    """`head` is the embedding itself where the two are alike."""

    embedding: Tensor
    layers: list[LayerWeights]
    norm: Tensor
    head: Matrix


def narrow(weight: Tensor) -> Matrix:
    """In 8 bits: each row is scaled so that its largest value is the largest there is, or up to half of it."""
    scales = (weight.abs().amax(1).float() / _LARGEST).clamp(min=2.0**-100).log2().ceil().exp2()
    return Matrix((weight / scales.to(weight.dtype)[:, None]).to(torch.float8_e4m3fn), scales)


def load_weights(
    folder: Path, shape: Shape, device: str, dtype: torch.dtype, make: Callable[[Tensor], Matrix] = Matrix
) -> Weights:
    """Straight to the device, one tensor after the other. That all are there and fit is known (`checkpoint.find`).

    `make` is what the layers' matrices are kept by: `Matrix` as they are, `narrow` in 8 bits.
    """
    from safetensors import safe_open

    opened: list[Any] = [safe_open(folder / file, "pt", device=device) for file in readable(folder).heads]
    home = {name: file for file in opened for name in file.keys()}  # noqa: SIM118 - not a dict

    def get(name: str) -> Tensor:
        tensor: Tensor = home[name].get_tensor(name)
        return tensor.to(dtype)

    def keep(weight: Tensor) -> Matrix:
        return make(lay(weight))

    embedding, head = _ends(get, home)
    return Weights(
        embedding,
        [_layer(get, keep, shape, f"model.layers.{number}.") for number in range(shape.layers)],
        get("model.norm.weight"),
        Matrix(head),
    )


def _ends(get: Get, names: Container[str]) -> tuple[Tensor, Tensor]:
    """Embedding and head. One that is there and differs was trained apart, whatever the config says; else both are one."""
    embedding = get("model.embed_tokens.weight")
    head = get("lm_head.weight") if "lm_head.weight" in names else embedding
    is_one = head is embedding or torch.equal(embedding, head)
    head = lay(head)
    return (head if is_one else embedding), head


def _layer(get: Get, make: Callable[[Tensor], Matrix], shape: Shape, name: str) -> LayerWeights:
    has_bias, attention = shape.qkv_bias or shape.all_bias, f"{name}self_attn."
    return LayerWeights(
        input_norm=get(f"{name}input_layernorm.weight"),
        qkv=make(torch.cat([get(f"{attention}{part}_proj.weight") for part in "qkv"])),
        qkv_bias=torch.cat([get(f"{attention}{part}_proj.bias") for part in "qkv"]) if has_bias else None,
        q_norm=get(f"{attention}q_norm.weight") if shape.qk_norm else None,
        k_norm=get(f"{attention}k_norm.weight") if shape.qk_norm else None,
        out=make(get(f"{attention}o_proj.weight")),
        out_bias=get(f"{attention}o_proj.bias") if shape.all_bias else None,
        post_norm=get(f"{name}post_attention_layernorm.weight"),
        gate_up=make(torch.cat([get(f"{name}mlp.{part}_proj.weight") for part in ("gate", "up")])),
        down=make(get(f"{name}mlp.down_proj.weight")),
    )
