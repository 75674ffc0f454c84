"""Rotary positions, https://arxiv.org/abs/2104.09864: queries and keys turn by their places; the halves of a head together."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workers.engines.paged.config import Rope


def rope_table(rope: Rope, width: int, context: int) -> Tensor:
    """cos and sin of each place, float32 [context, 2, 1, width]."""
    frequencies = 1.0 / rope.theta ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    if rope.llama3:
        frequencies = _scale_as_llama3(frequencies, *rope.llama3)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), frequencies).repeat(1, 2)
    return torch.stack((angles.cos(), angles.sin()), dim=1)[:, :, None]


def _scale_as_llama3(frequencies: Tensor, factor: float, low: float, high: float, original: float) -> Tensor:
    """Slow turns are slowed by `factor`, quick ones are not, those between a bit: https://arxiv.org/abs/2407.21783."""
    turns = original * frequencies / (2 * math.pi)
    part = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - part) * frequencies / factor + part * frequencies


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [tokens, heads, width]."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin
