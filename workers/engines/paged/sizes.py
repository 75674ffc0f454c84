"""How much of the device the engine takes: blocks, slots, chunk, context."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed
from workers.engines.paged.config import ModelConfig
from workers.texts import language, say

CPU_POOL_BYTES = 256 << 20
# What a step needs beside weights and cache: a chunk's feed-forward part and the logits of all slots, with room to spare.
GPU_RESERVE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tokens of a `block`, a prefill `chunk` and a `context`; `slots` are requests at once."""

    block: int
    num_blocks: int
    chunk: int
    context: int
    slots: int


def choose_sizes(config: ModelConfig, options: EngineOptions, device: str, dtype: torch.dtype) -> Sizes:
    """Called when the weights are loaded. Raises `EngineLoadFailed` when what is left is not enough for a conversation."""
    is_gpu = device == "cuda"
    block, chunk = (64, 2048) if is_gpu else (32, 256)
    context = min(options.context or (32_768 if is_gpu else 8192), config.context)
    slots = options.requests or (256 if is_gpu else 32)
    bytes_per_block = block * config.shape.kv_per_token() // 2 * dtype.itemsize
    if is_gpu:
        affordable = _gpu_bytes(options.memory_share) // bytes_per_block
    else:
        affordable = max(CPU_POOL_BYTES // bytes_per_block, -(-context // block) + 1)
    if affordable < 4:
        raise EngineLoadFailed(say(language(), "paged-no-room"))
    # One block is for padding.
    return Sizes(block, affordable, chunk, min(context, (affordable - 1) * block), slots)


def _gpu_bytes(share: float) -> int:
    torch.cuda.empty_cache()  # what was only needed while weights were loaded
    free, total = torch.cuda.mem_get_info()
    return max(0, int(free - (1 - share) * total) - GPU_RESERVE_BYTES)
