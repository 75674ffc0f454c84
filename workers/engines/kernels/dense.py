# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""What stands around the products of a layer, in Triton; with one row, which is bound by reading weights, the products too.

A single row is multiplied in one launch with the norm before the product and the bias, the gate or the sum after it. A few
rows are the work of `rows`, many that of cuBLAS (bench/NOTES.md).
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch


def multiply_row(
    x: Tensor,
    weight: Tensor,
    *,
    norm: tuple[Tensor, float] | None = None,
    bias: Tensor | None = None,
    add_to: Tensor | None = None,
    gated: bool = False,
    tile: tuple[int, int, int] | None = None,
) -> Tensor:
    """x [1, inputs] times weight [outputs, inputs] -> [1, outputs].

    `norm` is RMSNorm's weight and epsilon, for x; the product is added to `add_to`, which is given back. `gated`: the
    weight is one for gates on top of another, and silu(gate) times the other's output is given.
    """
    width = x.shape[1]
    num_outputs = len(weight) // 2 if gated else len(weight)
    output = x.new_empty((1, num_outputs)) if add_to is None else add_to
    norm_weight, eps = norm or (x, 0.0)
    outputs, block, num_warps = tile or _choose_tile(num_outputs, is_sum=add_to is not None)
    early = has_early_launch(x.device)
    _multiply_row[(triton.cdiv(num_outputs, outputs),)](
        x, weight, norm_weight, weight if bias is None else bias, output, num_outputs, width, eps,
        NORM=norm is not None, BIAS=bias is not None, ADD=add_to is not None, GATED=gated,
        OUTPUTS=outputs, BLOCK=block, EARLY=early, num_warps=num_warps, launch_pdl=early,
    )  # fmt: skip
    return output


def _choose_tile(num_outputs: int, *, is_sum: bool) -> tuple[int, int, int]:
    """Outputs and inputs at once, and warps: what was fastest on an H200, of twenty that were tried."""
    if is_sum:
        return 4, 2048, 8
    return (2, 512, 1) if num_outputs <= 4096 else (2, 256, 1)


@triton.jit
def _multiply_row(  # noqa: C901 - what is not wanted is not compiled
    x, weight, norm, bias, output, num_outputs, width, eps,
    NORM: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, GATED: tl.constexpr,
    OUTPUTS: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    out, column = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)[:, None], tl.arange(0, BLOCK)[None, :]
    is_out = out < num_outputs
    # Sums over the inputs stay apart in registers until the end. The row is read in the shape of the weights, from the
    # nearest cache: to bring it into that shape otherwise, all threads would have to wait for each other.
    product = tl.zeros([OUTPUTS, BLOCK], dtype=tl.float32)
    other = tl.zeros([OUTPUTS, BLOCK], dtype=tl.float32)
    squares = tl.zeros([OUTPUTS, BLOCK], dtype=tl.float32)
    weights_at = weight + out.to(tl.int64) * width
    others_at = weights_at + tl.cast(num_outputs, tl.int64) * width
    for start in range(0, width, BLOCK):
        at = start + column
        is_read = is_out & (at < width)
        weights = tl.load(weights_at + at, mask=is_read, other=0.0, eviction_policy="evict_first")
        if GATED:
            others = tl.load(others_at + at, mask=is_read, other=0.0, eviction_policy="evict_first")
        if EARLY:  # noqa: SIM102 - one of them is asked when it is compiled, the other when it runs
            if start == 0:
                cuda.gdc_wait()
        values = tl.load(x + out * 0 + at, mask=is_read, other=0.0).to(tl.float32)
        if NORM:
            squares += values * values
            values *= tl.load(norm + out * 0 + at, mask=is_read, other=0.0).to(tl.float32)
        product += values * weights.to(tl.float32)
        if GATED:
            other += values * others.to(tl.float32)
    out = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    result = tl.sum(product, axis=1)
    if NORM:
        scale = tl.rsqrt(tl.sum(squares, axis=1) / width + eps)
        result *= scale
        if GATED:
            result *= tl.sigmoid(result) * tl.sum(other, axis=1) * scale
    if BIAS:
        result += tl.load(bias + out, mask=out < num_outputs, other=0.0).to(tl.float32)
    if ADD:
        result += tl.load(output + out, mask=out < num_outputs, other=0.0).to(tl.float32)
    tl.store(output + out, result.to(output.dtype.element_ty), mask=out < num_outputs)


def norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMSNorm of [rows, width]: https://arxiv.org/abs/1910.07467."""
    num_rows, width = x.shape
    output = x.new_empty((num_rows, width))
    early = has_early_launch(x.device)
    _norm[(num_rows,)](
        x, weight, output, width, eps, BLOCK=triton.next_power_of_2(width), EARLY=early, num_warps=8, launch_pdl=early
    )
    return output


@triton.jit
def _norm(x, weight, output, width, eps, BLOCK: tl.constexpr, EARLY: tl.constexpr):
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    row, column = tl.program_id(0).to(tl.int64) * width, tl.arange(0, BLOCK)
    is_column = column < width
    values = tl.load(x + row + column, mask=is_column, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(values * values, axis=0) / width + eps)
    values *= scale * tl.load(weight + column, mask=is_column, other=0.0).to(tl.float32)
    tl.store(output + row + column, values.to(output.dtype.element_ty), mask=is_column)


def silu_mul(both: Tensor) -> Tensor:
    """[rows, 2 * width], gates first -> silu(gate) * the other, [rows, width]."""
    num_rows, width = len(both), both.shape[1] // 2
    output = both.new_empty((num_rows, width))
    early = has_early_launch(both.device)
    _silu_mul[(num_rows, triton.cdiv(width, 1024))](both, output, width, BLOCK=1024, EARLY=early, num_warps=4, launch_pdl=early)
    return output


@triton.jit
def _silu_mul(both, output, width, BLOCK: tl.constexpr, EARLY: tl.constexpr):
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    is_column = column < width
    at = both + row * 2 * width + column
    gate = tl.load(at, mask=is_column, other=0.0).to(tl.float32)
    other = tl.load(at + width, mask=is_column, other=0.0).to(tl.float32)
    tl.store(output + row * width + column, (gate * tl.sigmoid(gate) * other).to(output.dtype.element_ty), mask=is_column)
