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

# Neighbours that one thread reads.
_EACH = tl.constexpr(8)


def multiply_row(
    x: Tensor,
    weight: Tensor,
    *,
    norm: tuple[Tensor, float] | None = None,
    bias: Tensor | None = None,
    add_to: Tensor | None = None,
    gated: bool = False,
    scales: Tensor | None = None,
    tile: tuple[int, int, int] | None = None,
) -> Tensor:
    """x [1, inputs] times weight [outputs, inputs] -> [1, outputs].

    `norm` is RMSNorm's weight and epsilon, for x; the product is added to `add_to`, which is given back. `gated`: the
    weight is one for gates on top of another, and silu(gate) times the other's output is given. `scales` [outputs] are
    what the rows of a weight in 8 bits are to be multiplied by.
    """
    width = x.shape[1]
    num_outputs = len(weight) // 2 if gated else len(weight)
    output = x.new_empty((1, num_outputs)) if add_to is None else add_to
    norm_weight, eps = norm or (x, 0.0)
    outputs, block, num_warps = tile or _choose_tile(width, is_plain=not gated and add_to is None)
    early = has_early_launch(x.device)
    _multiply_row[(triton.cdiv(num_outputs, outputs),)](
        x, weight, norm_weight, x if bias is None else bias, x if scales is None else scales, output, num_outputs, width, eps,
        NORM=norm is not None, BIAS=bias is not None, SCALED=scales is not None, ADD=add_to is not None, GATED=gated,
        OUTPUTS=outputs, BLOCK=block, BLOCKS=triton.cdiv(width, block), EVEN=width % block == 0 and num_outputs % outputs == 0,
        EARLY=early, num_warps=num_warps, launch_pdl=early,
    )  # fmt: skip
    return output


def _choose_tile(width: int, *, is_plain: bool) -> tuple[int, int, int]:
    """Outputs and inputs at once, and warps: what was fastest on an H200, of those that were tried (bench/NOTES.md)."""
    if width <= 4096:
        return (4 if is_plain else 2), 512, 2
    return 2, 2048, 4 if width <= 12_288 else 8


@triton.jit
def _multiply_row(  # noqa: C901 - what is not wanted is not compiled
    x, weight, norm, bias, scales, output, num_outputs, width, eps,
    NORM: tl.constexpr, BIAS: tl.constexpr, SCALED: tl.constexpr, ADD: tl.constexpr, GATED: tl.constexpr,
    OUTPUTS: tl.constexpr, BLOCK: tl.constexpr, BLOCKS: tl.constexpr, EVEN: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    out, column = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)[:, None], tl.arange(0, BLOCK)[None, :]
    # Each thread takes as many numbers of the row as of a weight: else threads would have to pass them on to each other.
    column = tl.max_contiguous(column, [1, _EACH])
    is_out = out < num_outputs
    # Sums over the inputs stay apart until the end.
    product = tl.zeros([OUTPUTS, BLOCK // _EACH], dtype=tl.float32)
    other = tl.zeros([OUTPUTS, BLOCK // _EACH], dtype=tl.float32)
    squares = tl.zeros([1, BLOCK // _EACH], dtype=tl.float32)
    weights_at = weight + out.to(tl.int64) * width
    others_at = weights_at + tl.cast(num_outputs, tl.int64) * width
    # All weights are asked for before the row is there: memory has something to do while the launch before ends. And what
    # comes in at the end is asked for at the beginning.
    weights = _ask_for(weights_at, column, is_out, width, BLOCK, BLOCKS, EVEN)
    if GATED:
        others = _ask_for(others_at, column, is_out, width, BLOCK, BLOCKS, EVEN)
    place = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
    is_place = place < num_outputs
    factor, other_factor, shift, before = 0.0, 0.0, 0.0, 0.0
    if SCALED:
        factor = tl.load(scales + place, mask=is_place, other=0.0)
        if GATED:
            other_factor = tl.load(scales + num_outputs + place, mask=is_place, other=0.0)
    if BIAS:
        shift = tl.load(bias + place, mask=is_place, other=0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_wait()
    if ADD:
        before = tl.load(output + place, mask=is_place, other=0.0).to(tl.float32)
    for number in tl.static_range(BLOCKS):
        at = number * BLOCK + column
        is_column = (at < width) | EVEN
        values = tl.load(x + at, mask=is_column, other=0.0).to(tl.float32)
        if NORM:
            squares += _sum_each(values * values)
            values *= tl.load(norm + at, mask=is_column, other=0.0).to(tl.float32)
        product += _sum_each(values * weights[number].to(tl.float32))
        if GATED:
            other += _sum_each(values * others[number].to(tl.float32))
    result, scale = tl.sum(product, axis=1), tl.rsqrt(tl.sum(squares) / width + eps) if NORM else 1.0
    result = _ended(result, tl.sum(other, axis=1), scale, factor, other_factor, NORM, SCALED, GATED)
    tl.store(output + place, (result + shift + before).to(output.dtype.element_ty), mask=is_place)


@triton.jit
def _ask_for(weights_at, column, is_out, width, BLOCK: tl.constexpr, BLOCKS: tl.constexpr, EVEN: tl.constexpr):
    """All numbers of some rows of a weight, block by block."""
    weights = ()
    for number in tl.static_range(BLOCKS):
        at = number * BLOCK + column
        is_read = (is_out & (at < width)) | EVEN
        weights += (tl.load(weights_at + at, mask=is_read, other=0.0, eviction_policy="evict_first"),)
    return weights


@triton.jit
def _ended(result, other, scale, factor, other_factor, NORM: tl.constexpr, SCALED: tl.constexpr, GATED: tl.constexpr):
    """What is done to products of a row whose norm was left out."""
    if SCALED:
        result *= factor
        other *= other_factor
    if NORM:
        result *= scale
        other *= scale
    if GATED:
        result *= tl.sigmoid(result) * other
    return result


@triton.jit
def _sum_each(products):
    """Sums of neighbours which one thread has."""
    return tl.sum(tl.reshape(products, [products.shape[0], products.shape[1] // _EACH, _EACH]), axis=2)


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
    row, column = tl.program_id(0).to(tl.int64) * width, tl.arange(0, BLOCK)
    is_column = column < width
    factors = tl.load(weight + column, mask=is_column, other=0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_wait()
    values = tl.load(x + row + column, mask=is_column, other=0.0).to(tl.float32)
    values *= tl.rsqrt(tl.sum(values * values, axis=0) / width + eps) * factors
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
