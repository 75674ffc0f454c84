"""Attention of several prompts in one launch: torch's own FlashAttention 2."""

from __future__ import annotations

import torch
from torch import Tensor


def varlen(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
) -> Tensor:
    """flash_attn's function of this name: q [tokens, heads, width], k and v [cached and new tokens, kv heads, width].

    The last query of a sequence sees its last key; rows after `cu_seqlens_q[-1]` are left as they come.
    """
    left, right = window_size
    output: Tensor = torch.ops.aten._flash_attention_forward(
        q,
        k,
        v,
        cu_seqlens_q,
        cu_seqlens_k,
        max_seqlen_q,
        max_seqlen_k,
        0.0,
        causal,
        False,
        scale=softmax_scale,
        window_size_left=left,
        window_size_right=0 if causal else right,
    )[0]
    return output
