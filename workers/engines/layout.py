"""How a weight of 32 bits lies in a CPU's memory, which decides how soon a single row is multiplied by it.

Output by output, as files have it, torch takes one dot product after the other; input by input it adds up whole rows. Where
outputs are more than inputs the second way can take half the time, and for many rows both take the same.
"""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

# Numbers that one measurement reads: 16 MB, more than a core's own caches hold, as a whole model is.
_READ = 1 << 22
# A change must be worth more than what measurements go up and down by.
_CLEARLY = 0.9


def lay(weight: Tensor) -> Tensor:
    """The same [outputs, inputs], with other strides where that is quicker; on a CPU and in 32 bits alone."""
    is_plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    return _by_inputs(weight) if is_plain and _is_quicker_by_inputs(*weight.shape) else weight


def _by_inputs(weight: Tensor) -> Tensor:
    return weight.T.contiguous().T


@lru_cache
def _is_quicker_by_inputs(outputs: int, inputs: int) -> bool:
    """Nothing tells but the time that it takes."""
    if outputs <= inputs:
        return False
    weights = torch.ones((max(1, _READ // (outputs * inputs)), outputs, inputs))
    return _seconds([*map(_by_inputs, weights)]) < _CLEARLY * _seconds([*weights])


def _seconds(weights: list[Tensor]) -> float:
    """To multiply one row by each, at best."""
    row, seconds = torch.ones((1, weights[0].shape[1])), []
    for _ in range(4):
        began_at = perf_counter()
        for weight in weights:
            F.linear(row, weight)
        seconds.append(perf_counter() - began_at)
    return min(seconds)
