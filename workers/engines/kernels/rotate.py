# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""Rotary positions of queries and keys in one launch, in place, with Qwen3's norms of heads before it."""

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
) -> None:
    """heads [tokens, heads + 2 * kv heads, width]: queries, keys, values; cos and sin [tokens, width].

    The halves of a head turn together. `norms` are RMSNorm's weights for queries and keys, and its epsilon.
    """
    width = heads.shape[2]
    q_norm, k_norm, eps = norms or (heads, heads, 0.0)
    early = has_early_launch(heads.device)
    _rotate[(len(heads),)](
        heads, cos, sin, q_norm, k_norm, heads.stride(0), cos.stride(0), num_heads, num_heads + num_kv_heads, eps,
        HALF=width // 2, PADDED=triton.next_power_of_2(width // 2), HEADS=triton.next_power_of_2(num_heads + num_kv_heads),
        NORM=norms is not None, EARLY=early, num_warps=4, launch_pdl=early,
    )  # fmt: skip


@triton.jit
def _rotate(
    heads, cos, sin, q_norm, k_norm, token_stride, turn_stride, num_queries, num_heads, eps,
    HALF: tl.constexpr, PADDED: tl.constexpr, HEADS: tl.constexpr, NORM: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    token, head, column = tl.program_id(0).to(tl.int64), tl.arange(0, HEADS)[:, None], tl.arange(0, PADDED)[None, :]
    is_column = column < HALF
    mask = (head < num_heads) & is_column
    at = heads + token * token_stride + head * (2 * HALF) + column
    first = tl.load(at, mask=mask, other=0.0).to(tl.float32)
    second = tl.load(at + HALF, mask=mask, other=0.0).to(tl.float32)
    if NORM:
        scale = tl.rsqrt(tl.sum(first * first + second * second, axis=1)[:, None] / (2 * HALF) + eps)
        norm = tl.where(head < num_queries, q_norm, k_norm) + column
        first *= scale * tl.load(norm, mask=mask, other=0.0).to(tl.float32)
        second *= scale * tl.load(norm + HALF, mask=mask, other=0.0).to(tl.float32)
    turn = token * turn_stride + column
    c = tl.load(cos + turn, mask=is_column, other=0.0).to(tl.float32)
    s = tl.load(sin + turn, mask=is_column, other=0.0).to(tl.float32)
    tl.store(at, (first * c - second * s).to(heads.dtype.element_ty), mask=mask)
    tl.store(at + HALF, (second * c + first * s).to(heads.dtype.element_ty), mask=mask)
