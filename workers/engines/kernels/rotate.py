# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Rotary positions of queries and keys in one launch, with Qwen3's norms of heads before it and the way to the cache after."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch


def rotate(
    heads: Tensor,
    cos: Tensor,
    sin: Tensor,
    num_heads: int,
    num_kv_heads: int,
    norms: tuple[Tensor, Tensor, float] | None = None,
    cache: tuple[Tensor, Tensor, Tensor] | None = None,
) -> None:
    """heads [tokens, heads + 2 * kv heads, width]: queries, keys, values; cos and sin [tokens, width].

    The halves of a head turn together, in place. `norms` are RMSNorm's weights for queries and keys, and its epsilon. With
    `cache` (keys and values [places, kv heads, width], and the place of each token) keys and values go there instead.
    """
    width, num_turned = heads.shape[2], num_heads + num_kv_heads
    q_norm, k_norm, eps = norms or (heads, heads, 0.0)
    k_cache, v_cache, places = cache or (heads, heads, heads)
    early = has_early_launch(heads.device)
    _rotate[(len(heads),)](
        heads, cos, sin, q_norm, k_norm, k_cache, v_cache, places,
        heads.stride(0), cos.stride(0), k_cache.stride(0), num_heads, num_turned, num_turned + num_kv_heads, eps,
        HALF=width // 2, PADDED=triton.next_power_of_2(width // 2),
        HEADS=triton.next_power_of_2(num_turned + (num_kv_heads if cache else 0)),
        NORM=norms is not None, CACHE=cache is not None, EARLY=early, num_warps=4, launch_pdl=early,
    )  # fmt: skip


@triton.jit
def _rotate(
    heads, cos, sin, q_norm, k_norm, k_cache, v_cache, places,
    token_stride, turn_stride, place_stride, num_queries, num_turned, num_heads, eps,
    HALF: tl.constexpr, PADDED: tl.constexpr, HEADS: tl.constexpr, NORM: tl.constexpr, CACHE: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    token, head, column = tl.program_id(0).to(tl.int64), tl.arange(0, HEADS)[:, None], tl.arange(0, PADDED)[None, :]
    is_column = column < HALF
    is_turned = head < num_turned
    mask = (head < (num_heads if CACHE else num_turned)) & is_column
    at = heads + token * token_stride + head * (2 * HALF) + column
    first = tl.load(at, mask=mask, other=0.0).to(tl.float32)
    second = tl.load(at + HALF, mask=mask, other=0.0).to(tl.float32)
    if NORM:
        scale = tl.rsqrt(tl.sum(first * first + second * second, axis=1)[:, None] / (2 * HALF) + eps)
        norm = tl.where(head < num_queries, q_norm, k_norm) + column
        first *= tl.where(is_turned, scale * tl.load(norm, mask=is_column, other=0.0).to(tl.float32), 1.0)
        second *= tl.where(is_turned, scale * tl.load(norm + HALF, mask=is_column, other=0.0).to(tl.float32), 1.0)
    turn = token * turn_stride + column
    c = tl.load(cos + turn, mask=is_column, other=0.0).to(tl.float32)
    s = tl.load(sin + turn, mask=is_column, other=0.0).to(tl.float32)
    c, s = tl.where(is_turned, c, 1.0), tl.where(is_turned, s, 0.0)
    first, second = (first * c - second * s).to(heads.dtype.element_ty), (second * c + first * s).to(heads.dtype.element_ty)
    is_kept = mask
    if CACHE:
        is_kept = mask & (head < num_queries)
        place = tl.load(places + token) * place_stride + column
        key, value = k_cache + place + (head - num_queries) * (2 * HALF), v_cache + place + (head - num_turned) * (2 * HALF)
        is_key, is_value = mask & (head >= num_queries) & is_turned, mask & (head >= num_turned)
        tl.store(key, first, mask=is_key)
        tl.store(key + HALF, second, mask=is_key)
        tl.store(value, first, mask=is_value)
        tl.store(value + HALF, second, mask=is_value)
    tl.store(at, first, mask=is_kept)
    tl.store(at + HALF, second, mask=is_kept)
