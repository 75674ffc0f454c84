# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Matrices times a few rows, in Triton: each weight is read once, and what stands before and after a product is done with it.

With few rows a step is bound by reading the weights and by the number of launches. So the norm before a product, and the
bias, the gate or the sum after it, are no launches of their own.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

# Beyond so many rows cuBLAS is faster (bench/NOTES.md).
MAX_ROWS = 32
# Tiles of tensor cores have 16 rows at least.
MIN_ROWS = 16


def linear(
    x: Tensor,
    weight: Tensor,
    *,
    norm: tuple[Tensor, float] | None = None,
    bias: Tensor | None = None,
    add_to: Tensor | None = None,
    gated: bool = False,
    tile: tuple[int, int, int, int] | None = None,
) -> Tensor:
    """x [rows, inputs] times weight [outputs, inputs] -> [rows, outputs], for at most `MAX_ROWS` rows.

    `norm` is RMSNorm's weight and epsilon, for x; the product is added to `add_to`, which is given back. `gated`: the
    weight is one for gates on top of another, and silu(gate) times the other's output is given.
    """
    num_rows, width = x.shape
    num_outputs = len(weight) // 2 if gated else len(weight)
    output = x.new_empty((num_rows, num_outputs)) if add_to is None else add_to
    norm_weight, eps = norm or (x, 0.0)
    outputs, block, num_warps, num_stages = tile or choose_tile(num_rows, num_outputs, width, gated=gated)
    _linear[(triton.cdiv(num_outputs, outputs),)](
        x, weight, norm_weight, weight if bias is None else bias, output, num_rows, num_outputs, eps,
        WIDTH=width, NORM=norm is not None, BIAS=bias is not None, ADD=add_to is not None, GATED=gated,
        ROWS=1 if num_rows == 1 else max(MIN_ROWS, triton.next_power_of_2(num_rows)), OUTPUTS=outputs, BLOCK=block,
        num_warps=num_warps, num_stages=num_stages,
    )  # fmt: skip
    return output


def choose_tile(num_rows: int, num_outputs: int, width: int, *, gated: bool) -> tuple[int, int, int, int]:
    """Outputs and inputs of a tile, warps and stages: what was fastest on an H200."""
    if num_rows == 1:
        return 4, 512, 4, 1
    return 16, 128, 4, 4


@triton.jit
def _linear(
    x, weight, norm, bias, output, num_rows, num_outputs, eps,
    WIDTH: tl.constexpr, NORM: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, GATED: tl.constexpr,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row, out, column = tl.arange(0, ROWS)[:, None], tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS), tl.arange(0, BLOCK)
    is_out = out < num_outputs
    is_row = row < num_rows
    # One row is a sum over the inputs in the end; more are products of tiles.
    first = tl.zeros([OUTPUTS, BLOCK] if ROWS == 1 else [ROWS, OUTPUTS], dtype=tl.float32)
    second = first
    squares = tl.zeros([ROWS, BLOCK], dtype=tl.float32)
    weights = weight + out.to(tl.int64)[:, None] * WIDTH + column[None, :]
    above = num_outputs.to(tl.int64) * WIDTH
    for start in range(0, WIDTH, BLOCK):
        is_in = start + column < WIDTH
        is_weight = is_out[:, None] & is_in[None, :]
        values = tl.load(x + row * WIDTH + start + column[None, :], mask=is_row & is_in[None, :], other=0.0)
        if NORM:
            values = values.to(tl.float32)
            squares += values * values
            values *= tl.load(norm + start + column, mask=is_in, other=0.0).to(tl.float32)[None, :]
        tile = tl.load(weights + start, mask=is_weight, other=0.0, eviction_policy="evict_first")
        first += _times(values, tile, ROWS)
        if GATED:
            tile = tl.load(weights + above + start, mask=is_weight, other=0.0, eviction_policy="evict_first")
            second += _times(values, tile, ROWS)
    scale = tl.rsqrt(tl.sum(squares, axis=1) / WIDTH + eps)[:, None] if NORM else 1.0
    result = (tl.sum(first, axis=1)[None, :] if ROWS == 1 else first) * scale
    if GATED:
        result = result * tl.sigmoid(result) * (tl.sum(second, axis=1)[None, :] if ROWS == 1 else second) * scale
    if BIAS:
        result += tl.load(bias + out, mask=is_out, other=0.0).to(tl.float32)[None, :]
    at, is_result = output + row * num_outputs + out[None, :], is_row & is_out[None, :]
    if ADD:
        result += tl.load(at, mask=is_result, other=0.0).to(tl.float32)
    tl.store(at, result.to(output.dtype.element_ty), mask=is_result)


@triton.jit
def _times(values, tile, ROWS: tl.constexpr):
    if ROWS == 1:
        return values.to(tl.float32) * tile.to(tl.float32)
    return tl.dot(values.to(tile.dtype), tl.trans(tile))


def silu_mul(both: Tensor) -> Tensor:
    """[rows, 2 * width], gates first -> silu(gate) * the other, [rows, width]."""
    num_rows, width = len(both), both.shape[1] // 2
    output = both.new_empty((num_rows, width))
    _silu_mul[(num_rows, triton.cdiv(width, 1024))](both, output, width, BLOCK=1024, num_warps=4)
    return output


@triton.jit
def _silu_mul(both, output, width, BLOCK: tl.constexpr):
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    is_column = column < width
    at = both + row * 2 * width + column
    gate = tl.load(at, mask=is_column, other=0.0).to(tl.float32)
    other = tl.load(at + width, mask=is_column, other=0.0).to(tl.float32)
    tl.store(output + row * width + column, (gate * tl.sigmoid(gate) * other).to(output.dtype.element_ty), mask=is_column)
