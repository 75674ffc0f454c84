"""Puts the engine together for the device there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from workers.engines import kernels
from workers.engines.base import EngineOptions, Limits
from workers.engines.errors import EngineLoadFailed
from workers.engines.loading import prepare
from workers.engines.paged import cuda
from workers.engines.paged.attention import Attention
from workers.engines.paged.blocks import BlockPool
from workers.engines.paged.config import ModelConfig
from workers.engines.paged.engine import PagedEngine
from workers.engines.paged.model import Model
from workers.engines.paged.narrow import find_operations
from workers.engines.paged.operations import Operations
from workers.engines.paged.pace import Pace
from workers.engines.paged.runner import Runner
from workers.engines.paged.sampler import Sampler
from workers.engines.paged.scheduler import Scheduler
from workers.engines.paged.sizes import choose_sizes
from workers.engines.paged.slots import Slots
from workers.engines.paged.weights import Matrix, load_weights, narrow
from workers.engines.wide import find_linear
from workers.texts import language, say

# On a CPU, which may be a slow one: the model may be large.
_FIRST_CHUNK = 64


def assemble(folder: Path, config: ModelConfig, options: EngineOptions, loaded: Callable[[], None]) -> PagedEngine:
    """`loaded` is called when the weights are. Raises within `loading.errors_for_people`."""
    name, dtype = prepare(folder, options)
    if name == "mps":
        raise EngineLoadFailed(say(language(), "paged-on-a-mac"))
    if options.weights == "fp8" and not kernels.has_fp8(name):
        raise EngineLoadFailed(say(language(), "paged-no-eight-bits"))
    weights = load_weights(folder, config.shape, name, dtype, narrow if options.weights == "fp8" else Matrix)
    loaded()
    sizes, device = choose_sizes(config, options, name, dtype), torch.device(name)
    fast = cuda.find_kernels(config, device, dtype)
    if fast:
        attention: Attention = cuda.FusedAttention(config, sizes, device, dtype, fast)
        is_narrow = options.weights == "fp8"
        operations = find_operations(config, fast, dtype, device) if is_narrow else cuda.FusedOperations(config, fast)
    else:
        attention, operations = Attention(config, sizes, device, dtype), Operations(config, find_linear(name, dtype))
    sampler = Sampler(sizes.slots, config.shape.vocab, device, fast.choose if fast else None)
    slots = Slots(sizes.slots, sizes.context, sizes.block, device, fast)
    runner = Runner(Model(config, weights, operations), attention, sampler, slots, sizes.slots)
    if fast:
        runner.capture(cuda.batch_sizes(sizes.slots), cuda.chunk_sizes(sizes.chunk), cuda.make_capture())
    scheduler = Scheduler(BlockPool(sizes.num_blocks, sizes.block), sizes.slots)
    pace = Pace(sizes.chunk, min(sizes.chunk, _FIRST_CHUNK) if name == "cpu" else None)
    limits = Limits(sizes.context, sizes.slots, steers=True)
    # A CPU computes while it launches: to be a step ahead would only waste the last one of each reply.
    return PagedEngine(runner, scheduler, pace, limits, config.shape.vocab, ahead=int(name == "cuda"))
