# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Attention of one new token for each request over a paged cache, in Triton (split-K, as in Flash-Decoding).

The heads that share a key-value head are one tile; a long reply is read by many programs, whose parts are then combined.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.ahead import prefetch_block
from workers.engines.kernels.early import has_early_launch

# Tokens read at once; pages must be multiples. Tiles of tensor cores have 16 rows at least.
BLOCK, WIDE_BLOCK, MIN_ROWS, NUM_STAGES = 64, 32, 16, 2
# Enough programs that the GPU is full with one request and evenly loaded with many.
NUM_PROGRAMS, MAX_SPLITS = 512, 64
# Up to so many requests have their first keys brought nearer before the launch before ends. With 32 it took longer.
MOST_AHEAD = 4


def attend(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    k: Tensor,
    v: Tensor,
    cache_seqlens: Tensor,
    block_table: Tensor,
    softmax_scale: float | None = None,
    causal: bool = True,
    window_size: tuple[int, int] = (-1, -1),
    turns: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """flash_attn_with_kvcache for one token each: writes k and v at `cache_seqlens` and returns [requests, 1, heads, width].

    q [requests, 1, heads, width], k and v [requests, 1, kv heads, width], caches [pages, tokens, kv heads, width];
    `cache_seqlens` [requests] counts the tokens before the new one, -1 for rows that are padding. `turns`: cos and sin
    [requests, width] by which q and k are rotated first (their halves together).
    """
    num_requests, _, num_heads, width = q.shape
    page, num_kv_heads = k_cache.shape[1:3]
    block = BLOCK if width <= 128 else WIDE_BLOCK
    assert page % block == 0, "a block of keys must lie within one page"
    assert k_cache.stride() == v_cache.stride()
    assert tuple(window_size) == (-1, -1), "sliding windows have no block tables"
    # The heads of a request lie one after the other; requests may be apart, as in what one matrix gives for all three.
    q, k, v = (x if x.stride()[2:] == (width, 1) else x.contiguous() for x in (q, k, v))
    num_splits = min(MAX_SPLITS, triton.cdiv(NUM_PROGRAMS, num_requests * num_kv_heads))
    output: Tensor = q.new_empty(q.shape)
    sums = q.new_empty((2, num_requests, num_heads, num_splits), dtype=torch.float32)
    parts = q.new_empty((num_requests, num_heads, num_splits, width), dtype=torch.float32) if num_splits > 1 else output
    early = has_early_launch(q.device)
    cos, sin = turns or (q, q)
    group, padded = num_heads // num_kv_heads, max(MIN_ROWS, triton.next_power_of_2(width))
    _attend[(num_requests, num_kv_heads, num_splits)](
        q, k, v, cos, sin, k_cache, v_cache, cache_seqlens, block_table, parts, sums[0], sums[1],
        width**-0.5 if softmax_scale is None else softmax_scale,
        q.stride(0), k.stride(0), v.stride(0), cos.stride(0), *k_cache.stride()[:3], block_table.stride(0),
        GROUP=group, ROWS=max(MIN_ROWS, triton.next_power_of_2(group)), WIDTH=width, PADDED=padded, PAGE=page, BLOCK=block,
        WHOLE=num_splits == 1, TURN=turns is not None, AHEAD=num_requests <= MOST_AHEAD, EARLY=early,
        num_warps=4, num_stages=NUM_STAGES, launch_pdl=early,
    )  # fmt: skip
    if num_splits > 1:
        _combine[(num_requests * num_heads,)](
            parts, sums[0], sums[1], output, cache_seqlens, num_splits, HEADS=num_heads, WIDTH=width,
            PADDED=padded, BLOCK=block, SPLITS=triton.next_power_of_2(num_splits), EARLY=early, num_warps=4, launch_pdl=early,
        )  # fmt: skip
    return output


def try_out(num_heads: int, num_kv_heads: int, width: int, dtype: torch.dtype, device: torch.device, page: int = 256) -> None:
    """Compile for these shapes and run once; raises whatever Triton or the C compiler raise."""
    like = {"dtype": dtype, "device": device}
    cache = torch.zeros((2, 1, page, num_kv_heads, width), **like)
    new = torch.ones((1, 1, num_kv_heads, width), **like)
    numbers = torch.zeros((2, 1, 16), dtype=torch.int32, device=device)
    attend(torch.ones((1, 1, num_heads, width), **like), cache[0], cache[1], new, new, numbers[0, 0, :1], numbers[1])


@triton.jit
def _attend(
    q, k, v, cos, sin, k_cache, v_cache, lengths, table, parts, maxima, sums,
    scale, q_stride, k_stride, v_stride, turn_stride, page_stride, token_stride, head_stride, table_stride,
    GROUP: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, PADDED: tl.constexpr, PAGE: tl.constexpr, BLOCK: tl.constexpr,
    WHOLE: tl.constexpr, TURN: tl.constexpr, AHEAD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    request, kv_head, split, num_splits = tl.program_id(0), tl.program_id(1), tl.program_id(2), tl.num_programs(2)
    # Before the launch before is waited for: whoever writes lengths and tables is to be done before that begins.
    length, table = tl.load(lengths + request).to(tl.int32), table + request * table_stride
    k_cache, v_cache = k_cache + kv_head * head_stride, v_cache + kv_head * head_stride
    step = tl.cdiv(tl.cdiv(length, BLOCK), num_splits) * BLOCK
    if EARLY:
        if AHEAD and split * step < length:
            prefetch_block(k_cache, v_cache, table, split * step, length - 1, page_stride, token_stride, WIDTH, PAGE, BLOCK)
        cuda.gdc_wait()
    row, column, token = tl.arange(0, ROWS), tl.arange(0, PADDED), tl.arange(0, BLOCK)
    is_row, is_column, head = row < GROUP, column < WIDTH, kv_head * GROUP + row
    is_tile = is_row[:, None] & is_column[None, :]
    q, k = q + request * q_stride + head[:, None] * WIDTH, k + request * k_stride + kv_head * WIDTH
    query = tl.load(q + column[None, :], mask=is_tile, other=0.0)
    new_key = tl.load(k + column, mask=is_column, other=0.0)
    new_value = tl.load(v + request * v_stride + kv_head * WIDTH + column, mask=is_column, other=0.0)
    if TURN:
        query = _turn(query, q, cos + request * turn_stride, sin + request * turn_stride, is_tile, column, WIDTH)
        new_key = _turn(new_key, k, cos + request * turn_stride, sin + request * turn_stride, is_column, column, WIDTH)
    # The first split starts from the new token itself, so that nobody reads what is written here.
    if (split == 0) & (length >= 0):
        at = tl.load(table + length // PAGE).to(tl.int64) * page_stride + (length % PAGE) * token_stride + column
        tl.store(k_cache + at, new_key, mask=is_column)
        tl.store(v_cache + at, new_value, mask=is_column)
    new_score = tl.sum(query.to(tl.float32) * new_key.to(tl.float32)[None, :], axis=1) * scale
    maximum = tl.where(split == 0, new_score, float("-inf"))
    total = tl.where(split == 0, 1.0, 0.0) + tl.zeros([ROWS], dtype=tl.float32)
    part = tl.where(split == 0, 1.0, 0.0) * new_value.to(tl.float32)[None, :] + tl.zeros([ROWS, PADDED], dtype=tl.float32)
    for start in range(split * step, tl.minimum((split + 1) * step, length), BLOCK):
        is_cached = start + token < length
        at = _place(table, start, token, column, page_stride, token_stride, PAGE)
        is_read = is_cached[:, None] & is_column[None, :]
        key, value = tl.load(k_cache + at, mask=is_read, other=0.0), tl.load(v_cache + at, mask=is_read, other=0.0)
        score = tl.where(is_cached[None, :], tl.dot(query, tl.trans(key)) * scale, float("-inf"))
        maximum, total, part = _add(score, value, maximum, total, part)
    out = (request * tl.num_programs(1) * GROUP + head) * num_splits + split
    if WHOLE:
        part /= total[:, None]
    else:
        tl.store(maxima + out, maximum, mask=is_row)
        tl.store(sums + out, total, mask=is_row)
    tl.store(parts + out[:, None] * WIDTH + column[None, :], part.to(parts.dtype.element_ty), mask=is_tile)


@triton.jit
def _place(table, start, token, column, page_stride, token_stride, PAGE: tl.constexpr):
    """Where in the cache the keys of a block are, which lies within one page."""
    page = tl.load(table + start // PAGE).to(tl.int64)
    return page * page_stride + (start % PAGE + token[:, None]) * token_stride + column[None, :]


@triton.jit
def _add(score, value, maximum, total, part):
    """One more block of scores and values in a softmax that goes along."""
    higher = tl.maximum(maximum, tl.max(score, axis=1))
    weight, shrink = tl.exp(score - higher[:, None]), tl.exp(maximum - higher)
    return higher, total * shrink + tl.sum(weight, axis=1), part * shrink[:, None] + tl.dot(weight.to(value.dtype), value)


@triton.jit
def _turn(x, at, cos, sin, mask, column, WIDTH: tl.constexpr):
    """x, which was read from `at` with `mask`, rotated; the halves of a head together."""
    partner, is_column = (column + WIDTH // 2) % WIDTH, column < WIDTH
    c = tl.load(cos + column, mask=is_column, other=0.0).to(tl.float32)
    s = tl.load(sin + column, mask=is_column, other=0.0).to(tl.float32)
    s = tl.where(column < WIDTH // 2, -s, s)
    if len(x.shape) == 2:
        c, s, partner = c[None, :], s[None, :], partner[None, :]
    other = tl.load(at + partner, mask=mask, other=0.0).to(tl.float32)
    return (x.to(tl.float32) * c + other * s).to(x.dtype)


@triton.jit(do_not_specialize=["num_splits"])
def _combine(
    parts, maxima, sums, output, lengths, num_splits,
    HEADS: tl.constexpr, WIDTH: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr, SPLITS: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
    head, split, column = tl.program_id(0), tl.arange(0, SPLITS), tl.arange(0, PADDED)
    num_blocks = tl.cdiv(tl.load(lengths + head // HEADS).to(tl.int32), BLOCK)
    # A short reply has less blocks than splits; the first split has the new token.
    is_split = (split < num_splits) & ((split == 0) | (split * tl.cdiv(num_blocks, num_splits) < num_blocks))
    is_column = column < WIDTH
    if EARLY:
        cuda.gdc_wait()
    at = head * num_splits + split
    maximum = tl.load(maxima + at, mask=is_split, other=float("-inf"))
    weight = tl.exp(maximum - tl.max(maximum, axis=0))
    total = tl.sum(weight * tl.load(sums + at, mask=is_split, other=0.0), axis=0)
    part = tl.load(parts + at[:, None] * WIDTH + column[None, :], mask=is_split[:, None] & is_column[None, :], other=0.0)
    result = tl.sum(part * weight[:, None], axis=0) / total
    tl.store(output + head * WIDTH + column, result.to(output.dtype.element_ty), mask=is_column)
