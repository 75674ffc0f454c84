"""Safetensors -> the weights of our forward: queries, keys and values in one matrix, gate and up in another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workers.checkpoints.families import Shape
from workers.checkpoints.weights import readable

Get = Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Matrices are [outputs, inputs]; `q_norm` and `k_norm` are Qwen3's."""

    input_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Tensor
    out_bias: Tensor | None
    post_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True, slots=True)
class Weights:
    """`head` is the embedding itself where the two are tied."""

    embedding: Tensor
    layers: list[LayerWeights]
    norm: Tensor
    head: Tensor


def load_weights(folder: Path, shape: Shape, device: str, dtype: torch.dtype) -> Weights:
    """Straight to the device, one tensor after the other. That all are there and fit is known (`checkpoint.find`)."""
    from safetensors import safe_open

    opened: list[Any] = [safe_open(folder / file, "pt", device=device) for file in readable(folder).heads]
    home = {name: file for file in opened for name in file.keys()}  # noqa: SIM118 - not a dict

    def get(name: str) -> Tensor:
        tensor: Tensor = home[name].get_tensor(name)
        return tensor.to(dtype)

    embedding = get("model.embed_tokens.weight")
    return Weights(
        embedding,
        [_layer(get, shape, f"model.layers.{number}.") for number in range(shape.layers)],
        get("model.norm.weight"),
        embedding if shape.tied else get("lm_head.weight"),
    )


def _layer(get: Get, shape: Shape, name: str) -> LayerWeights:
    has_bias, attention = shape.qkv_bias or shape.all_bias, f"{name}self_attn."
    return LayerWeights(
        input_norm=get(f"{name}input_layernorm.weight"),
        qkv=torch.cat([get(f"{attention}{part}_proj.weight") for part in "qkv"]),
        qkv_bias=torch.cat([get(f"{attention}{part}_proj.bias") for part in "qkv"]) if has_bias else None,
        q_norm=get(f"{attention}q_norm.weight") if shape.qk_norm else None,
        k_norm=get(f"{attention}k_norm.weight") if shape.qk_norm else None,
        out=get(f"{attention}o_proj.weight"),
        out_bias=get(f"{attention}o_proj.bias") if shape.all_bias else None,
        post_norm=get(f"{name}post_attention_layernorm.weight"),
        gate_up=torch.cat([get(f"{name}mlp.{part}_proj.weight") for part in ("gate", "up")]),
        down=get(f"{name}mlp.down_proj.weight"),
    )
