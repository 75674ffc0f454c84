"""Products by weights of 16 bits on CPUs, most of which multiply 32 bits alone: a part of a weight at a time is made wide.

For a single row the weight is read once either way, and half as many bytes are sooner read. For a prompt torch would make the
same numbers wide again and again.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor

from workers.engines.timing import best_seconds

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""x [rows, inputs], weight [outputs, inputs], bias [outputs] or None -> [rows, outputs]."""

# Numbers that are wide at a time: 4 MB, which caches hold.
_PART = 1 << 20
# With fewer rows torch's own way is as quick.
_MIN_ROWS = 8


def find_linear(device: str, dtype: torch.dtype) -> Linear:
    """The quicker one: some CPUs do multiply 16 bits, and nothing tells but the time that it takes."""
    if device != "cpu" or dtype.itemsize != 2:
        return F.linear
    ways: tuple[Linear, ...] = F.linear, WideLinear()
    return min(ways, key=lambda linear: _seconds(linear, dtype))


class WideLinear:
    """`F.linear` of rows. Not to be shared between threads."""

    def __init__(self) -> None:
        # Kept, since memory that is asked for anew each time costs more than the numbers in it.
        self._part = torch.empty(_PART, dtype=torch.float32)

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if len(x) < _MIN_ROWS:
            return F.linear(x, weight, bias)
        product = self._multiply(weight, x.float().T)
        if bias is not None:
            product += bias[:, None]
        return product.T.to(x.dtype, memory_format=torch.contiguous_format)

    def _multiply(self, weight: Tensor, x: Tensor) -> Tensor:
        """[outputs, inputs] times [inputs, rows] -> [outputs, rows] in 32 bits."""
        product = torch.empty((len(weight), x.shape[1]), dtype=torch.float32)
        num_outputs = max(1, _PART // weight.shape[1])
        for start in range(0, len(weight), num_outputs):
            part = weight[start : start + num_outputs]
            wide = self._part[: part.numel()].view_as(part).copy_(part)
            torch.mm(wide, x, out=product[start : start + num_outputs])
        return product


def _seconds(linear: Linear, dtype: torch.dtype) -> float:
    """For a few rows."""
    x, weight = torch.ones((32, 1024), dtype=dtype), torch.ones((1024, 1024), dtype=dtype)
    return best_seconds(lambda: linear(x, weight, None))
