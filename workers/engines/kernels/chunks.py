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

from workers.engines.kernels.combine import LOWEST, combine, one, plan_splits
from workers.engines.kernels.early import has_early_launch, num_processors

# A launch of fewer chunks is not worth compiling for.
LEAST_CHUNKS = 32
LOG2_E = 1.4426950408889634


@dataclass(frozen=True, slots=True)
class Tiles:
    """`rows` of queries against `block` keys at once; `per_processor` programs are to run, each of `least` blocks or more.

    Up to `whole` blocks are not split: to combine takes its time, too.
    """

    rows: int = 64
    block: int = 64
    warps: int = 4
    stages: int = 3
    per_processor: int = 2
    least: int = 3
    whole: int = 12


NARROW, WIDE = Tiles(), Tiles(block=32, stages=2, least=6, whole=16)


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
    # Each part is an average, so it is as precise as what comes of it.
    parts = q.new_empty((num_kv_heads, items, tiles.rows, padded))
    sums = q.new_empty((num_kv_heads, items, tiles.rows), dtype=torch.float32)
    plan = {"GROUP": group, "ROWS": tiles.rows, "BLOCK": tiles.block, "LEAST": tiles.least, "WHOLE": tiles.whole,
            "CHUNKS": max(LEAST_CHUNKS, triton.next_power_of_2(num_chunks)),
            "WIDTH": width, "PADDED": padded, "EARLY": early, "launch_pdl": early}  # fmt: skip
    _attend[(items, num_kv_heads)](
        q, k_cache, v_cache, output, parts, sums, ends_new, ends_all, tables, num_chunks, shares,
        scale * LOG2_E, q.stride(0), *k_cache.stride()[:3], tables.stride(0),
        **plan, PAGE=page, num_warps=tiles.warps, num_stages=tiles.stages,
    )  # fmt: skip
    combine(output, parts, sums, ends_new, ends_all, num_chunks, shares, items, plan)
    return output


def try_out(num_heads: int, num_kv_heads: int, width: int, dtype: torch.dtype, device: torch.device, page: int = 64) -> None:
    """Compile for these shapes and run once; raises whatever Triton or the C compiler raise."""
    cache = torch.zeros((1, page, num_kv_heads, width), dtype=dtype, device=device)
    q = torch.ones((1, num_heads, width), dtype=dtype, device=device)
    ends = torch.arange(2, dtype=torch.int32, device=device)
    attend_chunks(q, cache, cache, ends, ends, torch.zeros((1, 16), dtype=torch.int32, device=device), width**-0.5)


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
    q, k_cache, v_cache, output, parts, sums, ends_new, ends_all, table, num_chunks, shares,
    scale, q_stride, page_stride, token_stride, head_stride, table_stride,
    GROUP: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, LEAST: tl.constexpr, WHOLE: tl.constexpr,
    CHUNKS: tl.constexpr, WIDTH: tl.constexpr, PADDED: tl.constexpr, EARLY: tl.constexpr, PAGE: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    firsts, nums_new, nums_all, tiles, splits = plan_splits(
        ends_new, ends_all, num_chunks, shares, GROUP, ROWS, BLOCK, LEAST, WHOLE, CHUNKS
    )
    item, kv_head, ends = tl.program_id(0), tl.program_id(1), tl.cumsum(tiles * splits, axis=0)
    chunk = tl.sum((ends <= item).to(tl.int32), axis=0)
    if chunk >= num_chunks:
        if EARLY:
            cuda.gdc_wait()
        return
    first, num_new, num_all = one(firsts, chunk, CHUNKS), one(nums_new, chunk, CHUNKS), one(nums_all, chunk, CHUNKS)
    num_splits, end = one(splits, chunk, CHUNKS), one(ends, chunk, CHUNKS)
    # Counted from the end: the last tiles of a chunk look at most keys, so they begin first.
    tile, split = (end - 1 - item) // num_splits, (end - 1 - item) % num_splits
    start, common, stop, num_keys = _span(num_new, num_all, tile, split, num_splits, GROUP, ROWS, BLOCK)
    line = tile * ROWS + tl.arange(0, ROWS)
    column, token, head = tl.arange(0, PADDED), line // GROUP, kv_head * GROUP + line % GROUP
    is_tile = (line < num_new * GROUP)[:, None] & (column < WIDTH)[None, :]
    table += chunk * table_stride
    k_cache, v_cache = k_cache + kv_head * head_stride, v_cache + kv_head * head_stride
    if EARLY:
        cuda.gdc_wait()
    query = tl.load(q + (first + token)[:, None] * q_stride + head[:, None] * WIDTH + column[None, :], mask=is_tile, other=0.0)
    position = num_all - num_new + token
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
        # A tile may see less than its chunk, so that its last split has nothing.
        sum = tl.where(total > 0, total, 1.0)
        tl.store(sums + kept, tl.where(total > 0, maximum + tl.log2(sum), LOWEST))
        tl.store(parts + kept[:, None] * PADDED + column[None, :], (part / sum[:, None]).to(parts.dtype.element_ty))


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
