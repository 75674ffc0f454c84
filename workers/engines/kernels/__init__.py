"""Kernels for NVIDIA GPUs, out of torch's own parts and Triton: attention over paged caches, which several engines share, and
what else a step is made of. They are imported where they are used, since Triton is not everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from logging import getLogger
from typing import Any

import torch
from torch import Tensor

MAX_WIDTH = 256


@dataclass(frozen=True, slots=True)
class Kernels:
    """What a launch is made of, in Triton: each is the function of its name in a module here, `attend` the one in `paged`."""

    attend: Callable[..., Tensor]
    attend_chunks: Callable[..., Tensor]
    multiply_row: Callable[..., Tensor]
    multiply_rows: Callable[..., Tensor]
    add_rows: Callable[..., Any]
    norm: Callable[[Tensor, Tensor, float], Tensor]
    silu_mul: Callable[[Tensor], Tensor]
    narrow: Callable[..., tuple[Tensor, Tensor]]
    multiply_narrow: Callable[..., Tensor]
    rotate: Callable[..., None]
    choose: Callable[..., Tensor]
    look_up: Callable[..., tuple[Tensor, ...]]
    plan: Callable[..., tuple[Tensor, ...]]
    keep: Callable[..., None]
    # Up to how many rows `multiply_rows` and `add_rows` are faster than cuBLAS; 1 for none.
    most_rows: int


log = getLogger(__name__)


def has_flash(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Whether torch's FlashAttention runs there, for heads of this width."""
    return (
        device.type == "cuda"
        and torch.version.hip is None
        and torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(device) >= (8, 0)
        and dtype in (torch.float16, torch.bfloat16)
        and fits_flash(width)
    )


def has_fp8(device: str) -> bool:
    """Whether it converts numbers of 8 bits (e4m3) itself: NVIDIA GPUs from Ada and Hopper on."""
    return device == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability() >= (8, 9)


def fits_flash(width: int) -> bool:
    return width <= MAX_WIDTH and width % 8 == 0


def find_decode(
    num_heads: int, num_kv_heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> Callable[..., Tensor] | None:
    """`paged.attend`, for steps of one token each; None where Triton is missing or does not get to compile it."""
    return paged.attend if (paged := _try_out("paged", num_heads, num_kv_heads, width, dtype, device)) else None


def find_kernels(num_heads: int, num_kv_heads: int, width: int, dtype: torch.dtype, device: torch.device) -> Kernels | None:
    """All of them; None where `find_decode` finds none, or those for prompts do not get compiled."""
    shape = num_heads, num_kv_heads, width, dtype, device
    if not ((paged := _try_out("paged", *shape)) and (chunks := _try_out("chunks", *shape))):
        return None
    from workers.engines.kernels import choose, dense, narrow, rotate, rows, slots

    return Kernels(
        paged.attend,
        chunks.attend_chunks,
        dense.multiply_row,
        rows.multiply_rows,
        rows.add_rows,
        dense.norm,
        dense.silu_mul,
        narrow.narrow,
        narrow.multiply_narrow,
        rotate.rotate,
        choose.choose,
        slots.look_up,
        slots.plan,
        slots.keep,
        _most_rows(dtype, device),
    )


def _most_rows(dtype: torch.dtype, device: torch.device) -> int:
    from workers.engines.kernels import rows

    most = rows.most_rows(device)
    return most if most > 1 and _try_out("rows", dtype, device) else 1


def _try_out(name: str, *shape: Any) -> Any:
    """The module of this name, once its `try_out` has run; None if it cannot."""
    try:
        module = import_module(f"{__name__}.{name}")
        module.try_out(*shape)
    except Exception as error:
        # Triton's own errors, a missing C compiler and a failing linker have no class in common.
        log.warning("Replies will be slower: Triton cannot prepare %s (%s). It needs a C compiler.", name, type(error).__name__)
        return None
    return module
