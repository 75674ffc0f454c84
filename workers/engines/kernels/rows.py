# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Products of a few rows, as many as people write at once, which are bound by reading weights as those of one row are.

A tile of the weight is the tall operand of the tensor cores, the rows are the narrow one. What is added to the residual
stream has few outputs and many inputs: there the inputs are cut into parts for as many programs as there are processors,
and the launch that sums the parts takes the next norm too. While the launch before still runs, all wait with the beginning
of their weights on its way into the cache.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch, num_processors
from workers.engines.kernels.narrow import LARGEST

Scales = tuple[Tensor, Tensor]

Tile = tuple[int, int, int, int]

# Lines of 128 bytes of each row of the weight.
_AHEAD = 2


def most_rows(device: torch.device) -> int:
    """Up to how many rows this is the way; 1 where it was not measured, or where the tiles do not fit: all but Hopper."""
    is_hopper = has_early_launch(device) and torch.cuda.get_device_capability(device) == (9, 0)
    return 64 if is_hopper else 1


def try_out(dtype: torch.dtype, device: torch.device) -> None:
    """Compile for as many rows as there may be and run once; raises whatever Triton or the C compiler raise."""
    like = {"dtype": dtype, "device": device}
    for width in 256, 8192:
        x, weight = torch.zeros((64, width), **like), torch.zeros((64, width), **like)
        multiply_rows(x, weight)
        multiply_rows(x, weight, gated=True)
        add_rows(x[:, :64].contiguous(), x, weight, norm=(weight[0, :64], 1.0))


def multiply_rows(
    x: Tensor,
    weight: Tensor,
    *,
    bias: Tensor | None = None,
    gated: bool = False,
    scales: Scales | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """x [rows, inputs] times weight [outputs, inputs] -> [rows, outputs]; what stands around it is as in `multiply_row`.

    `scales` are those of the rows of x and of the weight, where these are in 8 bits; `dtype` is then what is given.
    """
    output = torch.empty((len(x), len(weight) // 2 if gated else len(weight)), dtype=dtype or x.dtype, device=x.device)
    tile = _choose_tile(x, gated=gated)
    _multiply(x, weight, output, bias=bias, gated=gated, scales=scales, tile=tile, per_split=x.shape[1])
    return output


def add_rows(
    hidden: Tensor,
    x: Tensor,
    weight: Tensor,
    *,
    bias: Tensor | None = None,
    norm: tuple[Tensor, float] | None = None,
    scales: Scales | None = None,
) -> Tensor | Scales | None:
    """Add x [rows, inputs] times weight [outputs, inputs], and the bias, to hidden [rows, outputs] in place.

    Gives its RMSNorm by `norm`, a weight and an epsilon, where there is one; with `scales`, as in `multiply_rows`, this is
    in 8 bits too, and comes with the scales of its rows.
    """
    (num_rows, num_outputs), width = hidden.shape, x.shape[1]
    outputs, block, *_ = tile = _choose_tile(x, is_short=width <= 4096)
    num_blocks, num_tiles = triton.cdiv(width, block), triton.cdiv(num_outputs, outputs)
    per_split = block * triton.cdiv(num_blocks, max(1, num_processors(x.device) // num_tiles))
    num_parts = triton.cdiv(width, per_split)
    parts = torch.empty((num_parts, num_rows, num_outputs), dtype=torch.float32, device=x.device)
    _multiply(x, weight, parts, scales=scales, tile=tile, per_split=per_split)
    normed = torch.empty_like(hidden, dtype=x.dtype) if norm else hidden
    row_scales, (norm_weight, eps) = parts.new_empty(num_rows), norm or (hidden, 0.0)
    early = has_early_launch(x.device)
    _sum_rows[(num_rows,)](
        parts, hidden if bias is None else bias, hidden, norm_weight, normed, row_scales, num_outputs, eps,
        PARTS=num_parts, BIAS=bias is not None, NORM=norm is not None, NARROW=norm is not None and scales is not None,
        BLOCK=triton.next_power_of_2(num_outputs), EARLY=early, num_warps=8, launch_pdl=early,
    )  # fmt: skip
    if norm is None:
        return None
    return normed if scales is None else (normed, row_scales)


def _choose_tile(x: Tensor, *, gated: bool = False, is_short: bool = False) -> Tile:
    """Outputs and inputs at once, warps, and how many blocks are on their way: what was fastest on an H200 (bench/NOTES.md)."""
    if x.itemsize > 1:
        return 64, 128 if gated or is_short else 256, 4, 3
    if len(x) <= 64:
        return (64, 128, 4, 3) if is_short else (64, 256, 4, 3 if gated else 4)
    if len(x) <= 128:
        return (64, 128, 4, 3) if gated else (64, 256, 8, 3)
    return 64, 128, 8, 4


def _multiply(
    x: Tensor,
    weight: Tensor,
    output: Tensor,
    *,
    bias: Tensor | None = None,
    gated: bool = False,
    scales: Scales | None = None,
    tile: Tile,
    per_split: int,
) -> None:
    """`per_split` of the inputs for each program, and each writes into a part of its own of the output."""
    (num_rows, width), num_outputs, (row_scales, factors) = x.shape, output.shape[-1], scales or (x, x)
    outputs, block, num_warps, stages = tile
    each, early = outputs // 2 if gated else outputs, has_early_launch(x.device)
    _multiply_rows[(triton.cdiv(num_outputs, each), triton.cdiv(width, per_split))](
        x, weight, x if bias is None else bias, factors, row_scales, output,
        num_rows, num_outputs, width, per_split,
        GATED=gated, BIAS=bias is not None, SCALED=scales is not None,
        EVEN=width % per_split == 0 and per_split % block == 0 and num_outputs % each == 0,
        ROWS=max(16, triton.next_power_of_2(num_rows)), OUTPUTS=outputs, BLOCK=block, STAGES=stages, AHEAD=_AHEAD,
        EARLY=early, num_warps=num_warps, launch_pdl=early,
    )  # fmt: skip


# Not compiled anew for every number of rows.
@triton.jit(do_not_specialize=["num_rows"])
def _multiply_rows(
    x, weight, bias, scales, row_scales, output, num_rows, num_outputs, width, per_split,
    GATED: tl.constexpr, BIAS: tl.constexpr, SCALED: tl.constexpr, EVEN: tl.constexpr,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, BLOCK: tl.constexpr, STAGES: tl.constexpr, AHEAD: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    tile, split = tl.program_id(0), tl.program_id(1)
    line, row, column = tl.arange(0, OUTPUTS), tl.arange(0, ROWS)[None, :], tl.arange(0, BLOCK)
    if GATED:  # half of the tile gates, half of it the others
        out = tile * (OUTPUTS // 2) + line % (OUTPUTS // 2)
        at = out + tl.where(line < OUTPUTS // 2, 0, num_outputs)
    else:
        out = tile * OUTPUTS + line
        at = out
    is_out, is_row = (out < num_outputs)[:, None], row < num_rows
    start = split * per_split
    stop = tl.minimum(start + per_split, width)
    weights_at, values_at = weight + at[:, None].to(tl.int64) * width, x + row * width
    if SCALED:
        factors = tl.load(scales + at[:, None], mask=is_out, other=0.0)
    if BIAS:
        shifts = tl.load(bias + out[:, None], mask=is_out, other=0.0).to(tl.float32)
    if EARLY:
        per_line: tl.constexpr = 1024 // weight.dtype.element_ty.primitive_bitwidth
        _prefetch(weights_at + tl.minimum(start + tl.arange(0, AHEAD)[None, :] * per_line, width - 1))
        cuda.gdc_wait()
    product = tl.zeros([OUTPUTS, ROWS], dtype=tl.float32)
    for first in tl.range(start, stop, BLOCK, num_stages=STAGES):
        here = first + column
        is_read = (here < stop) | EVEN
        is_weight = (is_out & is_read[None, :]) | EVEN
        weights = tl.load(weights_at + here[None, :], mask=is_weight, other=0.0, eviction_policy="evict_first")
        values = tl.load(values_at + here[:, None], mask=is_row & is_read[:, None], other=0.0)
        product = tl.dot(weights, values, product)
    if SCALED:
        product *= factors * tl.load(row_scales + row, mask=is_row, other=0.0)
    if BIAS:
        product += shifts
    if GATED:
        product = _gate(product)
        out = tile * (OUTPUTS // 2) + tl.arange(0, OUTPUTS // 2)
        is_out = (out < num_outputs)[:, None]
    at_output = output + (split.to(tl.int64) * num_rows + row) * num_outputs + out[:, None]
    tl.store(at_output, product.to(output.dtype.element_ty), mask=is_out & is_row)


@triton.jit
def _gate(product):
    """[2 * outputs, rows], gates first -> silu(gate) times the other, [outputs, rows]."""
    halves = tl.reshape(product, [2, product.shape[0] // 2, product.shape[1]])
    gate, other = tl.split(tl.permute(halves, [1, 2, 0]))
    return gate * tl.sigmoid(gate) * other


@triton.jit
def _prefetch(at):
    """Have each address's line brought into the cache that all processors share."""
    tl.inline_asm_elementwise(
        "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [at.to(tl.int64)], dtype=tl.int32, is_pure=False, pack=1
    )


@triton.jit
def _sum_rows(
    parts, bias, hidden, norm, output, row_scales, width, eps,
    PARTS: tl.constexpr, BIAS: tl.constexpr, NORM: tl.constexpr, NARROW: tl.constexpr,
    BLOCK: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    row, num_rows, column = tl.program_id(0), tl.num_programs(0), tl.arange(0, BLOCK)
    at, is_column = row * width + column, column < width
    if NORM:
        weight = tl.load(norm + column, mask=is_column, other=0.0).to(tl.float32)
    if BIAS:
        shifts = tl.load(bias + column, mask=is_column, other=0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_wait()
    value = tl.load(hidden + at, mask=is_column, other=0.0).to(tl.float32)
    if BIAS:
        value += shifts
    for part in tl.static_range(PARTS):
        value += tl.load(parts + part * num_rows * width + at, mask=is_column, other=0.0)
    tl.store(hidden + at, value.to(hidden.dtype.element_ty), mask=is_column)
    if NORM:
        value *= tl.rsqrt(tl.sum(value * value, axis=0) / width + eps) * weight
        if NARROW:
            largest = tl.maximum(tl.max(tl.abs(value), axis=0), 1e-30)
            tl.store(row_scales + row, largest / LARGEST)
            value *= LARGEST / largest
        tl.store(output + at, value.to(output.dtype.element_ty), mask=is_column)
