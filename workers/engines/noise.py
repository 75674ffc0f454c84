"""Chance that is a function of a request's seed and the position alone, the same in any batch on any device.

Gumbel noise and not one number drawn for the whole distribution: the choice then changes only where two tokens are as
good as equal, so that rounding, which differs with the batch, hardly ever shows.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

_WORD = 0xFFFFFFFF
_Numbers = TypeVar("_Numbers", int, Tensor)


def step_keys(keys: Tensor, positions: Tensor) -> Tensor:
    """`mix` for many; int64 [rows] -> int32 [rows]."""
    return mix(keys, positions).int()


def mix(key: _Numbers, position: _Numbers) -> _Numbers:
    """A number of 31 bits, never 0, from a request's key and how many tokens it has; of one without the cost of tensors."""
    mixed = (key + position * 0x9E3779B9) & _WORD
    for factor in (0x85EBCA6B, 0xC2B2AE35):
        mixed = ((mixed ^ (mixed >> 16)) * factor) & _WORD
    return (mixed ^ (mixed >> 16)) & 0x7FFFFFFF | 1


def gumbel(keys: Tensor, num_tokens: int) -> Tensor:
    """Gumbel noise [rows, num_tokens], a pure function of the row's key (int32 [rows, 1]) and the token id."""
    bits = torch.arange(num_tokens, device=keys.device, dtype=torch.int32)[None] * 0x27D4EB2D ^ keys
    for factor in (0x45D9F3B, 0x2C1B3C6D, 0x297A2D39):
        bits = (bits ^ (bits >> 15 & 0x1FFFF)) * factor
    # 23 bits and a half are what float32 holds exactly: one more would round up to 1, whose noise is infinite.
    uniform = ((bits ^ (bits >> 15 & 0x1FFFF)) & 0x7FFFFF).float().add_(0.5).mul_(2.0**-23)
    return uniform.log_().neg_().log_().neg_()
