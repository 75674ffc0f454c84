# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Many rows by weights in 8 bits: the rows are rounded to 8 bits (e4m3) too, each with a scale of its own, and what stands
before a product is done on the way. Tensor cores multiply 8 bits by 8 bits twice as fast as 16 by 16.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch

# In e4m3.
LARGEST = tl.constexpr(448.0)


def narrow(
    x: Tensor, *, add: Tensor | None = None, norm: tuple[Tensor, float] | None = None, gated: bool = False
) -> tuple[Tensor, Tensor]:
    """x [rows, width] -> in 8 bits, and the scales [rows] by which these are to be multiplied.

    `add` is added to x in place before. `norm` is RMSNorm's weight and epsilon. `gated`: x is [rows, 2 * width], gates
    first, and silu(gate) * the other is given.
    """
    num_rows, width = len(x), x.shape[1] // 2 if gated else x.shape[1]
    values = torch.empty((num_rows, width), dtype=torch.float8_e4m3fn, device=x.device)
    scales = torch.empty(num_rows, dtype=torch.float32, device=x.device)
    norm_weight, eps = norm or (x, 0.0)
    block, early = triton.next_power_of_2(width), has_early_launch(x.device)
    _narrow[(num_rows,)](
        x, x if add is None else add, norm_weight, values, scales, width, eps,
        ADD=add is not None, NORM=norm is not None, GATED=gated, BLOCK=block, EARLY=early,
        num_warps=8 if block <= 8192 else 16, launch_pdl=early,
    )  # fmt: skip
    return values, scales


def multiply_narrow(
    x: Tensor, weight: Tensor, *, scales: tuple[Tensor, Tensor], dtype: torch.dtype, bias: Tensor | None = None
) -> Tensor:
    """x [rows, inputs] times weight [outputs, inputs] -> [rows, outputs] of `dtype`; inputs and outputs by the sixteen.

    `scales` are those of the rows of x and of the weight.
    """
    row_scales, factors = scales
    product = torch._scaled_mm(x, weight.T, row_scales[:, None], factors[None], out_dtype=dtype, use_fast_accum=True)
    # For some sizes cuBLAS has no way to add it.
    return product if bias is None else product.add_(bias)


@triton.jit
def _narrow(
    x, add, norm, output, scales, width, eps,
    ADD: tl.constexpr, NORM: tl.constexpr, GATED: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    is_column = column < width
    if NORM:
        factors = tl.load(norm + column, mask=is_column, other=0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_wait()
    at = x + row * width * (2 if GATED else 1) + column
    value = tl.load(at, mask=is_column, other=0.0).to(tl.float32)
    if GATED:
        value *= tl.sigmoid(value) * tl.load(at + width, mask=is_column, other=0.0).to(tl.float32)
    if ADD:
        value += tl.load(add + row * width + column, mask=is_column, other=0.0).to(tl.float32)
        tl.store(at, value.to(x.dtype.element_ty), mask=is_column)
    if NORM:
        value *= tl.rsqrt(tl.sum(value * value, axis=0) / width + eps) * factors
    largest = tl.maximum(tl.max(tl.abs(value), axis=0), 1e-30)
    tl.store(scales + row, largest / LARGEST)
    tl.store(output + row * width + column, (value * (LARGEST / largest)).to(output.dtype.element_ty), mask=is_column)
