# ruff: noqa: ANN001, ANN201, ANN202, N803
# mypy: ignore-errors
"""How the keys of chunks are split, and how what came of the splits becomes one again. See `chunks`."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import num_processors

# Rows that a program combines at once, and parts of each that it asks for at once: from 8 rows on the compiler asks later.
ROWS_AT_ONCE, PARTS_AT_ONCE = 4, 24
# So many programs of these run side by side on a processor.
PER_PROCESSOR = 4
# exp2 of it is 0; unlike infinity it can be subtracted from itself.
LOWEST = tl.constexpr(-1e30)


def combine(
    output: Tensor,
    parts: Tensor,
    sums: Tensor,
    ends_new: Tensor,
    ends_all: Tensor,
    num_chunks: int,
    shares: int,
    num_items: int,
    plan: dict[str, Any],
) -> None:
    """Write the tiles that were split: of each item its part [kv heads, items, rows, width] and the logarithms of its sums."""
    num_kv_heads, most = len(parts), triton.cdiv(output.shape[0] * plan["GROUP"], ROWS_AT_ONCE)
    programs = max(1, num_processors(output.device) * PER_PROCESSOR // num_kv_heads)
    _combine[(min(most, programs), num_kv_heads)](
        output, parts, sums, ends_new, ends_all, num_chunks, shares, num_items,
        **plan, LINES=ROWS_AT_ONCE, PARTS=PARTS_AT_ONCE, num_warps=4,
    )  # fmt: skip


@triton.jit
def plan_splits(ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, WHOLE, CHUNKS):
    """Of each chunk: its first new token, how many there are and how many of all, its tiles, and in how many splits of keys.

    This is reckoned before the launch before is waited for: whoever writes the ends is to be done before that begins.
    """
    chunk = tl.arange(0, CHUNKS)
    is_chunk = chunk < num_chunks
    first = tl.load(ends_new + chunk, mask=is_chunk, other=0)
    num_new = tl.load(ends_new + chunk + 1, mask=is_chunk, other=0) - first
    num_all = tl.load(ends_all + chunk + 1, mask=is_chunk, other=0) - tl.load(ends_all + chunk, mask=is_chunk, other=0)
    tiles, blocks = tl.cdiv(num_new * GROUP, ROWS), tl.cdiv(num_all, BLOCK)
    # Rounded up there is at most one more for each tile than there are shares.
    share = tl.maximum(tl.cdiv(tl.sum(tiles * blocks, axis=0), shares), LEAST)
    splits = tl.where(blocks > WHOLE, tl.cdiv(blocks, share), 1)
    return first, num_new, num_all, tiles, splits


@triton.jit
def one(values, at, CHUNKS: tl.constexpr):
    return tl.sum(tl.where(tl.arange(0, CHUNKS) == at, values, 0), axis=0)


@triton.jit(do_not_specialize=["num_chunks", "shares", "num_items"])
def _combine(
    output, parts, sums, ends_new, ends_all, num_chunks, shares, num_items,
    GROUP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, LEAST: tl.constexpr, WHOLE: tl.constexpr,
    CHUNKS: tl.constexpr, WIDTH: tl.constexpr, PADDED: tl.constexpr, EARLY: tl.constexpr,
    LINES: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """Each program some rows of the tiles whose keys were split, and more of them if there are more than programs."""
    if EARLY:
        cuda.gdc_launch_dependents()
    firsts, nums_new, _, tiles, splits = plan_splits(
        ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, WHOLE, CHUNKS
    )
    work, kv_head, per_tile = tl.program_id(0), tl.program_id(1), ROWS // LINES
    ends, items = tl.cumsum(tl.where(splits > 1, tiles, 0), axis=0), tl.cumsum(tiles * splits, axis=0)
    num_work = tl.max(ends, axis=0) * per_tile
    chunk, tile, item, num_splits = _tile_of(work // per_tile, ends, items, splits, CHUNKS)
    parts, sums = parts + kv_head.to(tl.int64) * num_items * ROWS * PADDED, sums + kv_head * num_items * ROWS
    if EARLY:
        cuda.gdc_wait()
    while work < num_work:
        row, column = work % per_tile * LINES + tl.arange(0, LINES), tl.arange(0, PADDED)
        result = _average(parts, sums, item, num_splits, row, column, ROWS, LINES, PADDED, PARTS)
        line = tile * ROWS + row
        is_line, token, head = line < one(nums_new, chunk, CHUNKS) * GROUP, line // GROUP, kv_head * GROUP + line % GROUP
        at = (one(firsts, chunk, CHUNKS) + token)[:, None] * (tl.num_programs(1) * GROUP * WIDTH) + head[:, None] * WIDTH
        is_output = is_line[:, None] & (column < WIDTH)[None, :]
        tl.store(output + at + column[None, :], result.to(output.dtype.element_ty), mask=is_output)
        work += tl.num_programs(0)
        chunk, tile, item, num_splits = _tile_of(work // per_tile, ends, items, splits, CHUNKS)


@triton.jit
def _tile_of(number, ends, items, splits, CHUNKS):
    """Of a tile among those that are split: its chunk, its number there, its first item, how many there are."""
    chunk = tl.sum((ends <= number).to(tl.int32), axis=0)
    tile, num_splits = one(ends, chunk, CHUNKS) - 1 - number, one(splits, chunk, CHUNKS)
    return chunk, tile, one(items, chunk, CHUNKS) - (tile + 1) * num_splits, num_splits


@triton.jit
def _average(
    parts, sums, item, num_splits, row, column,
    ROWS: tl.constexpr, LINES: tl.constexpr, PADDED: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """Of some rows of an item and those after it, by their sums of weights, which come as logarithms."""
    maximum, total = tl.full([LINES], LOWEST, tl.float32), tl.zeros([LINES], tl.float32)
    result = tl.zeros([LINES, PADDED], tl.float32)
    for start in range(0, num_splits, PARTS):
        at, higher, sums_here, parts_here = (item + start) * ROWS + row, maximum, (), ()
        # All is asked for before anything of it is waited for.
        for split in tl.static_range(PARTS):
            is_part = start + split + 0 * row < num_splits
            sums_here += (tl.load(sums + at + split * ROWS, mask=is_part, other=LOWEST),)
            at_part = (at + split * ROWS)[:, None] * PADDED + column[None, :]
            parts_here += (tl.load(parts + at_part, mask=is_part[:, None], other=0.0),)
        for split in tl.static_range(PARTS):
            higher = tl.maximum(higher, sums_here[split])
        shrink = tl.exp2(maximum - higher)
        maximum, total, result = higher, total * shrink, result * shrink[:, None]
        for split in tl.static_range(PARTS):
            weight = tl.exp2(sums_here[split] - maximum)
            total, result = total + weight, result + weight[:, None] * parts_here[split].to(tl.float32)
    return result / total[:, None]
