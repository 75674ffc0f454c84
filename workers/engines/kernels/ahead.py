# ruff: noqa: ANN001, ANN201, ANN202, N803
# mypy: ignore-errors
"""What a kernel has brought nearer while it waits for the one before."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def prefetch_block(k_cache, v_cache, table, start, last, page_stride, token_stride, WIDTH, PAGE, NUM: tl.constexpr):
    """Keys and values of `NUM` tokens from `start` on, up to `last`, into the cache that all processors share.

    Nothing is read of them, so that they may as well be written after this.
    """
    at = tl.maximum(tl.minimum(start + tl.arange(0, NUM), last), 0)
    place = tl.load(table + at // PAGE).to(tl.int64) * page_stride + at % PAGE * token_stride
    per_line: tl.constexpr = 1024 // k_cache.dtype.element_ty.primitive_bitwidth
    for line in tl.static_range(0, WIDTH, per_line):
        _prefetch(k_cache + place + line)
        _prefetch(v_cache + place + line)


@triton.jit
def _prefetch(at):
    tl.inline_asm_elementwise(
        "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [at.to(tl.int64)], dtype=tl.int32, is_pure=False, pack=1
    )
