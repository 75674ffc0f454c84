# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Attention of chunks of new tokens over a paged cache, in Triton: several chunks of several sequences in one launch.

A tile's rows are tokens times the heads that share a key-value head. Where the tiles of all chunks do not fill the GPU, their
keys are split as well, and the parts combined. How the work is split is reckoned on the device from the actual lengths, so that
a captured launch has always enough programs; those without work leave at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch, num_processors

# Rows of a program that combines, and parts that it reads at once.
COMBINED_ROWS, COMBINED_PARTS = 4, 8
# A launch of fewer chunks is not worth compiling for.
LEAST_CHUNKS = 32
# exp2 of it is 0; unlike infinity it can be subtracted from itself.
LOWEST = tl.constexpr(-1e30)
LOG2_E = 1.4426950408889634


@dataclass(frozen=True, slots=True)
class Tiles:
    """`rows` of queries against `block` keys at once; `per_processor` programs are to run, each of `least` blocks or more."""

    rows: int = 64
    block: int = 64
    warps: int = 4
    stages: int = 3
    per_processor: int = 2
    least: int = 8


NARROW, WIDE = Tiles(), Tiles(block=32, stages=2)


def attend_chunks(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    ends_new: Tensor,
    ends_all: Tensor,
    tables: Tensor,
    scale: float,
    tiles: Tiles | None = None,
) -> Tensor:
    """Of each new token over the tokens of its sequence up to itself, which are all in the cache: [tokens, heads, width].

    q [tokens, heads, width], caches [pages, tokens, kv heads, width], tables [chunks, pages]; `ends_new` and `ends_all`
    [chunks + 1], int32, count both up. Rows after `ends_new[-1]` are left as they come.
    """
    num_tokens, num_heads, width = q.shape
    page, num_kv_heads = k_cache.shape[1:3]
    assert k_cache.stride() == v_cache.stride()
    assert q.stride()[1:] == (width, 1), "a token's heads lie one after the other"
    tiles = tiles or (NARROW if width <= 128 else WIDE)
    assert page % tiles.block == 0, "a block of keys must lie within one page"
    group, num_chunks, early = num_heads // num_kv_heads, len(tables), has_early_launch(q.device)
    # Each chunk begins a tile of its own; what is split further is at most one more for each share.
    most_tiles = triton.cdiv(num_tokens * group, tiles.rows) + min(num_tokens, num_chunks)
    shares = max(1, num_processors(q.device) * tiles.per_processor // num_kv_heads)
    items, padded = most_tiles + shares, max(16, triton.next_power_of_2(width))
    output = q.new_empty(q.shape)
    parts = q.new_empty((num_kv_heads, items, tiles.rows, padded), dtype=torch.float32)
    sums = q.new_empty((2, num_kv_heads, items, tiles.rows), dtype=torch.float32)
    plan = {"GROUP": group, "ROWS": tiles.rows, "BLOCK": tiles.block, "LEAST": tiles.least,
            "CHUNKS": max(LEAST_CHUNKS, triton.next_power_of_2(num_chunks))}  # fmt: skip
    sizes = {"WIDTH": width, "PADDED": padded, "EARLY": early, "launch_pdl": early}
    _attend[(items, num_kv_heads)](
        q, k_cache, v_cache, output, parts, sums[0], sums[1], ends_new, ends_all, tables, num_chunks, shares,
        scale * LOG2_E, q.stride(0), *k_cache.stride()[:3], tables.stride(0),
        **plan, **sizes, PAGE=page, num_warps=tiles.warps, num_stages=tiles.stages,
    )  # fmt: skip
    # A tile that is split has two shares at least.
    _combine[(max(1, min(most_tiles, shares // 2)), num_kv_heads, tiles.rows // COMBINED_ROWS)](
        output, parts, sums[0], sums[1], ends_new, ends_all, num_chunks, shares, items,
        **plan, **sizes, LINES=COMBINED_ROWS, PARTS=COMBINED_PARTS, num_warps=4,
    )  # fmt: skip
    return output


def try_out(num_heads: int, num_kv_heads: int, width: int, dtype: torch.dtype, device: torch.device, page: int = 64) -> None:
    """Compile for these shapes and run once; raises whatever Triton or the C compiler raise."""
    cache = torch.zeros((1, page, num_kv_heads, width), dtype=dtype, device=device)
    q = torch.ones((1, num_heads, width), dtype=dtype, device=device)
    ends = torch.arange(2, dtype=torch.int32, device=device)
    attend_chunks(q, cache, cache, ends, ends, torch.zeros((1, 16), dtype=torch.int32, device=device), width**-0.5)


@triton.jit
def _begin(ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, CHUNKS, EARLY):
    """Of each chunk: its first new token, how many there are and how many of all, its tiles, and in how many splits of keys.

    This is reckoned before the launch before is waited for: whoever writes the ends is to be done before that begins.
    """
    if EARLY:
        cuda.gdc_launch_dependents()
    chunk = tl.arange(0, CHUNKS)
    is_chunk = chunk < num_chunks
    first = tl.load(ends_new + chunk, mask=is_chunk, other=0)
    num_new = tl.load(ends_new + chunk + 1, mask=is_chunk, other=0) - first
    num_all = tl.load(ends_all + chunk + 1, mask=is_chunk, other=0) - tl.load(ends_all + chunk, mask=is_chunk, other=0)
    tiles, blocks = tl.cdiv(num_new * GROUP, ROWS), tl.cdiv(num_all, BLOCK)
    # Rounded down, so that all splits together are not more than the shares.
    share = tl.maximum(tl.cdiv(tl.sum(tiles * blocks, axis=0), shares), LEAST)
    splits = tl.maximum(blocks // share, 1)
    if EARLY:
        cuda.gdc_wait()
    return first, num_new, num_all, tiles, splits


@triton.jit
def _one(values, at, CHUNKS: tl.constexpr):
    return tl.sum(tl.where(tl.arange(0, CHUNKS) == at, values, 0), axis=0)


@triton.jit
def _span(num_new, num_all, tile, split, num_splits, GROUP, ROWS, BLOCK):
    """Of a split: where its keys start, where not all in the tile see them any more, where they stop; the keys of the tile."""
    num_keys = tl.minimum(num_all - num_new + ((tile + 1) * ROWS - 1) // GROUP + 1, num_all)
    step = tl.cdiv(tl.cdiv(num_keys, BLOCK), num_splits) * BLOCK
    start, stop = split * step, tl.minimum((split + 1) * step, num_keys)
    common = (num_all - num_new + tile * ROWS // GROUP + 1) // BLOCK * BLOCK
    return start, tl.maximum(start, tl.minimum(common, stop)), stop, num_keys


@triton.jit(do_not_specialize=["num_chunks", "shares"])
def _attend(
    q, k_cache, v_cache, output, parts, maxima, sums, ends_new, ends_all, table, num_chunks, shares,
    scale, q_stride, page_stride, token_stride, head_stride, table_stride,
    GROUP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, LEAST: tl.constexpr, CHUNKS: tl.constexpr,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, EARLY: tl.constexpr, PAGE: tl.constexpr,
):  # fmt: skip
    firsts, nums_new, nums_all, tiles, splits = _begin(
        ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, CHUNKS, EARLY
    )
    item, kv_head, ends = tl.program_id(0), tl.program_id(1), tl.cumsum(tiles * splits, axis=0)
    chunk = tl.sum((ends <= item).to(tl.int32), axis=0)
    if chunk >= num_chunks:
        return
    first, num_new, num_all = _one(firsts, chunk, CHUNKS), _one(nums_new, chunk, CHUNKS), _one(nums_all, chunk, CHUNKS)
    num_splits, end = _one(splits, chunk, CHUNKS), _one(ends, chunk, CHUNKS)
    # Counted from the end: the last tiles of a chunk look at most keys, so they begin first.
    tile, split = (end - 1 - item) // num_splits, (end - 1 - item) % num_splits
    start, common, stop, num_keys = _span(num_new, num_all, tile, split, num_splits, GROUP, ROWS, BLOCK)
    line = tile * ROWS + tl.arange(0, ROWS)
    column, token, head = tl.arange(0, PADDED), line // GROUP, kv_head * GROUP + line % GROUP
    is_tile = (line < num_new * GROUP)[:, None] & (column < WIDTH)[None, :]
    query = tl.load(q + (first + token)[:, None] * q_stride + head[:, None] * WIDTH + column[None, :], mask=is_tile, other=0.0)
    position = num_all - num_new + token
    table += chunk * table_stride
    k_cache, v_cache = k_cache + kv_head * head_stride, v_cache + kv_head * head_stride
    maximum, total = tl.full([ROWS], LOWEST, tl.float32), tl.zeros([ROWS], tl.float32)
    part = tl.zeros([ROWS, PADDED], tl.float32)
    maximum, total, part = _look(
        query, k_cache, v_cache, table, position, start, common, num_keys, maximum, total, part, scale, page_stride,
        token_stride, WIDTH, PADDED, PAGE, BLOCK, False,
    )  # fmt: skip
    maximum, total, part = _look(
        query, k_cache, v_cache, table, position, common, stop, num_keys, maximum, total, part, scale, page_stride,
        token_stride, WIDTH, PADDED, PAGE, BLOCK, True,
    )  # fmt: skip
    if num_splits == 1:
        at = (first + token)[:, None] * (tl.num_programs(1) * GROUP * WIDTH) + head[:, None] * WIDTH + column[None, :]
        tl.store(output + at, (part / total[:, None]).to(output.dtype.element_ty), mask=is_tile)
    else:
        kept = (kv_head * tl.num_programs(0) + item) * ROWS + tl.arange(0, ROWS)
        tl.store(maxima + kept, maximum)
        tl.store(sums + kept, total)
        tl.store(parts + kept[:, None] * PADDED + column[None, :], part)


@triton.jit
def _look(
    query, k_cache, v_cache, table, position, start, stop, num_keys, maximum, total, part, scale, page_stride, token_stride,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, PAGE: tl.constexpr, BLOCK: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """Add the keys and values from `start` to `stop`, block by block, in a softmax that goes along."""
    token, column = tl.arange(0, BLOCK), tl.arange(0, PADDED)
    # Looked up a block before: were it a part of reading the block, Triton would not read blocks ahead.
    page = tl.load(table + tl.minimum(start, num_keys - 1) // PAGE)
    for at in range(start, stop, BLOCK):
        place = page.to(tl.int64) * page_stride + at % PAGE * token_stride
        page = tl.load(table + tl.minimum(at + BLOCK, num_keys - 1) // PAGE)
        offset = token[:, None] * token_stride + column[None, :]
        if MASKED or WIDTH < PADDED:
            is_read = (at + token < num_keys)[:, None] & (column < WIDTH)[None, :]
            key = tl.load(k_cache + place + offset, mask=is_read, other=0.0)
            value = tl.load(v_cache + place + offset, mask=is_read, other=0.0)
        else:
            key, value = tl.load(k_cache + place + offset), tl.load(v_cache + place + offset)
        score = tl.dot(query, tl.trans(key))
        if MASKED:
            score = tl.where((at + token)[None, :] <= position[:, None], score, LOWEST)
        higher = tl.maximum(maximum, tl.max(score, axis=1) * scale)
        weight, shrink = tl.exp2(score * scale - higher[:, None]), tl.exp2(maximum - higher)
        maximum, total = higher, total * shrink + tl.sum(weight, axis=1)
        part = tl.dot(weight.to(value.dtype), value, part * shrink[:, None])
    return maximum, total, part


@triton.jit(do_not_specialize=["num_chunks", "shares", "num_items"])
def _combine(
    output, parts, maxima, sums, ends_new, ends_all, num_chunks, shares, num_items,
    GROUP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, LEAST: tl.constexpr, CHUNKS: tl.constexpr,
    WIDTH: tl.constexpr, PADDED: tl.constexpr, EARLY: tl.constexpr, LINES: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """Some rows of a tile whose keys were split; each of the first programs has one that was."""
    kv_head, num_kv_heads = tl.program_id(1), tl.num_programs(1)
    firsts, nums_new, _, tiles, splits = _begin(
        ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, CHUNKS, EARLY
    )
    ends = tl.cumsum(tl.where(splits > 1, tiles, 0), axis=0)
    chunk = tl.sum((ends <= tl.program_id(0)).to(tl.int32), axis=0)
    num_splits = _one(splits, chunk, CHUNKS)
    if num_splits > 1:
        tile = _one(ends, chunk, CHUNKS) - 1 - tl.program_id(0)
        item = _one(tl.cumsum(tiles * splits, axis=0), chunk, CHUNKS) - (tile + 1) * num_splits
        row, column = tl.program_id(2) * LINES + tl.arange(0, LINES), tl.arange(0, PADDED)
        maximum, total = tl.full([LINES], LOWEST, tl.float32), tl.zeros([LINES], tl.float32)
        result = tl.zeros([LINES, PADDED], tl.float32)
        for start in range(0, num_splits, PARTS):
            split = start + tl.arange(0, PARTS)
            at = (kv_head * num_items + item + split)[:, None] * ROWS + row[None, :]
            is_part = (split < num_splits)[:, None] & (row >= 0)[None, :]
            maxima_here = tl.load(maxima + at, mask=is_part, other=LOWEST)
            sums_here = tl.load(sums + at, mask=is_part, other=0.0)
            part = tl.load(parts + at[:, :, None] * PADDED + column[None, None, :], mask=is_part[:, :, None], other=0.0)
            higher = tl.maximum(maximum, tl.max(maxima_here, axis=0))
            weight, shrink = tl.exp2(maxima_here - higher[None, :]), tl.exp2(maximum - higher)
            maximum, total = higher, total * shrink + tl.sum(weight * sums_here, axis=0)
            result = result * shrink[:, None] + tl.sum(weight[:, :, None] * part, axis=0)
        line = tile * ROWS + row
        is_line, token, head = line < _one(nums_new, chunk, CHUNKS) * GROUP, line // GROUP, kv_head * GROUP + line % GROUP
        at = (_one(firsts, chunk, CHUNKS) + token)[:, None] * (num_kv_heads * GROUP * WIDTH) + head[:, None] * WIDTH
        is_output = is_line[:, None] & (column < WIDTH)[None, :]
        tl.store(output + at + column[None, :], (result / total[:, None]).to(output.dtype.element_ty), mask=is_output)
