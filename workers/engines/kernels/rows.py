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

_OUTPUTS, _STAGES = 64, 3
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


def multiply_rows(x: Tensor, weight: Tensor, *, bias: Tensor | None = None, gated: bool = False) -> Tensor:
    """x [rows, inputs] times weight [outputs, inputs] -> [rows, outputs]; what stands around it is as in `multiply_row`."""
    output = x.new_empty((len(x), len(weight) // 2 if gated else len(weight)))
    _multiply(x, weight, output, bias=bias, gated=gated, block=128 if gated else 256, per_split=x.shape[1])
    return output


def add_rows(
    hidden: Tensor,
    x: Tensor,
    weight: Tensor,
    *,
    bias: Tensor | None = None,
    norm: tuple[Tensor, float] | None = None,
) -> Tensor | None:
    """Add x [rows, inputs] times weight [outputs, inputs], and the bias, to hidden [rows, outputs] in place.

    Gives its RMSNorm by `norm`, a weight and an epsilon, where there is one.
    """
    (num_rows, num_outputs), width = hidden.shape, x.shape[1]
    block = 128 if width <= 4096 else 256
    num_blocks, num_tiles = triton.cdiv(width, block), triton.cdiv(num_outputs, _OUTPUTS)
    per_split = block * triton.cdiv(num_blocks, max(1, num_processors(x.device) // num_tiles))
    num_parts = triton.cdiv(width, per_split)
    parts = torch.empty((num_parts, num_rows, num_outputs), dtype=torch.float32, device=x.device)
    _multiply(x, weight, parts, block=block, per_split=per_split)
    normed, (norm_weight, eps) = torch.empty_like(hidden) if norm else None, norm or (hidden, 0.0)
    early = has_early_launch(x.device)
    _sum_rows[(num_rows,)](
        parts, hidden if bias is None else bias, hidden, norm_weight, normed if norm else hidden, num_outputs, eps,
        PARTS=num_parts, BIAS=bias is not None, NORM=norm is not None, BLOCK=triton.next_power_of_2(num_outputs),
        EARLY=early, num_warps=8, launch_pdl=early,
    )  # fmt: skip
    return normed


def _multiply(
    x: Tensor,
    weight: Tensor,
    output: Tensor,
    *,
    bias: Tensor | None = None,
    gated: bool = False,
    block: int,
    per_split: int,
) -> None:
    """`per_split` of the inputs for each program, and each writes into a part of its own of the output."""
    (num_rows, width), num_outputs = x.shape, output.shape[-1]
    each, early = _OUTPUTS // 2 if gated else _OUTPUTS, has_early_launch(x.device)
    _multiply_rows[(triton.cdiv(num_outputs, each), triton.cdiv(width, per_split))](
        x, weight, x if bias is None else bias, output, num_rows, num_outputs, width, per_split,
        GATED=gated, BIAS=bias is not None, EVEN=width % per_split == 0 and per_split % block == 0 and num_outputs % each == 0,
        ROWS=max(16, triton.next_power_of_2(num_rows)), OUTPUTS=_OUTPUTS, BLOCK=block, STAGES=_STAGES, AHEAD=_AHEAD,
        EARLY=early, num_warps=4, launch_pdl=early,
    )  # fmt: skip


# Not compiled anew for every number of rows.
@triton.jit(do_not_specialize=["num_rows"])
def _multiply_rows(
    x, weight, bias, output, num_rows, num_outputs, width, per_split,
    GATED: tl.constexpr, BIAS: tl.constexpr, EVEN: tl.constexpr,
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
    if BIAS:
        product += tl.load(bias + out[:, None], mask=is_out, other=0.0).to(tl.float32)
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
    parts, bias, hidden, norm, output, width, eps,
    PARTS: tl.constexpr, BIAS: tl.constexpr, NORM: tl.constexpr, BLOCK: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    row, num_rows, column = tl.program_id(0), tl.num_programs(0), tl.arange(0, BLOCK)
    at, is_column = row * width + column, column < width
    if NORM:
        weight = tl.load(norm + column, mask=is_column, other=0.0).to(tl.float32)
    if EARLY:
        cuda.gdc_wait()
    value = tl.load(hidden + at, mask=is_column, other=0.0).to(tl.float32)
    if BIAS:
        value += tl.load(bias + column, mask=is_column, other=0.0).to(tl.float32)
    for part in tl.static_range(PARTS):
        value += tl.load(parts + part * num_rows * width + at, mask=is_column, other=0.0)
    tl.store(hidden + at, value.to(hidden.dtype.element_ty), mask=is_column)
    if NORM:
        scale = tl.rsqrt(tl.sum(value * value, axis=0) / width + eps)
        tl.store(output + at, (value * scale * weight).to(output.dtype.element_ty), mask=is_column)
