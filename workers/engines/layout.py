"""How a weight of 32 bits lies in a CPU's memory, which decides how soon a single row is multiplied by it.

Output by output, as files have it, torch takes one dot product after the other; input by input it adds up whole rows. Where
outputs are more than inputs the second way can take half the time, and for many rows both take the same.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.timing import best_seconds

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
    # Of a large one a part tells as much: two more copies of the whole might not fit.
    some = min(outputs, max(inputs + 1, _READ // inputs))
    weights = torch.ones((max(1, _READ // (some * inputs)), some, inputs))
    return _seconds([*map(_by_inputs, weights)]) < _CLEARLY * _seconds([*weights])


def _seconds(weights: list[Tensor]) -> float:
    """To multiply one row by each."""
    row = torch.ones((1, weights[0].shape[1]))
    return best_seconds(lambda: [F.linear(row, weight) for weight in weights])
