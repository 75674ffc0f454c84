"""Loads a GGUF file and puts the engine together; every failure becomes words for whoever runs the service."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bot.core.checks import free_memory
from workers.checkpoints.files import quoted, show_bytes
from workers.checkpoints.gguf import Head, read_head
from workers.checkpoints.quantised import parts
from workers.engines.base import Ended, Engine, EngineOptions, Limits, Request, Sampling
from workers.engines.errors import EngineLoadFailed
from workers.engines.llamacpp import library
from workers.engines.llamacpp.cache import Cache
from workers.engines.llamacpp.engine import LlamaCppEngine
from workers.texts import advise, language, say

CONTEXT, REQUESTS, CHUNK = 8192, 32, 256
# Prompts of people who are away, kept besides those that run.
KEPT = 32
# Attention goes over every token that is kept, of whoever, so more than this makes everybody slow (bench/NOTES.md).
POOL_BYTES, MOST_CELLS = 256 << 20, 16_384
# Below it threads wait for each other longer than they compute.
SMALL_BYTES = 64 << 20


def assemble(file: Path, options: EngineOptions, loaded: Callable[[], None]) -> Engine:
    """`loaded` is called when the weights are."""
    head = read_head(file)
    sizes, limits = choose_sizes(head, weight_bytes(file), options)
    _refuse_too_large(file, head, sizes)
    _refuse_device(options)
    try:
        model = library.Model(file, gpu=options.device != "cpu" and library.has_gpu())
        if not model.writes:
            raise library.Refused(say(language(), "llamacpp-no-writer", family=head.architecture))
        runtime = library.Runtime(model, sizes)
    except library.Refused as problem:
        raise _failed("llamacpp-cannot-load", file, problem=str(problem)) from problem
    loaded()
    cache = Cache(runtime, sizes.cells, sizes.slots, shares=model.shares)
    engine = LlamaCppEngine(runtime, cache, limits, model.num_ids, CHUNK)
    _warm_up(engine, file)
    return engine


def weight_bytes(file: Path) -> int:
    return sum((file.parent / name).stat().st_size for name in parts(file.name))


def choose_sizes(head: Head, size: int, options: EngineOptions) -> tuple[library.Sizes, Limits]:
    """How much memory the conversations share, and what they may need."""
    known = head.context or CONTEXT
    context = min(options.context or CONTEXT, known)
    requests = min(options.requests or REQUESTS, library.max_slots() - KEPT)
    wide = options.dtype == "float32"
    affordable = POOL_BYTES // max(1, bytes_per_token(head, wide=wide))
    cells = max(context, min(context * requests, affordable, MOST_CELLS))
    threads = options.threads or (1 if size < SMALL_BYTES else num_processors())
    sizes = library.Sizes(cells, requests + KEPT, CHUNK + requests, threads, wide)
    return sizes, Limits(context, requests, steers=True)


def bytes_per_token(head: Head, *, wide: bool) -> int:
    """Of the cache; of a family that we do not know as if it had no fewer heads for keys than for queries."""
    layers, width = head.of_model("block_count"), head.of_model("embedding_length")
    heads, kv_heads = head.of_model("attention.head_count"), head.of_model("attention.head_count_kv")
    if not all(type(number) is int and number > 0 for number in (layers, width, heads)):
        return 0
    kv_heads = kv_heads if type(kv_heads) is int and kv_heads > 0 else heads
    each = head.of_model("attention.key_length") or width // heads
    return int(2 * layers * kv_heads * each * (4 if wide else 2))


def num_processors() -> int:
    """Those that this process may use; more threads than that only wait for each other."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_device(options: EngineOptions) -> None:
    if options.device in ("cuda", "mps") and not library.has_gpu():
        raise EngineLoadFailed(say(language(), "llamacpp-no-device", device=options.device))


def _refuse_too_large(file: Path, head: Head, sizes: library.Sizes) -> None:
    """llama.cpp maps the file and would read it from the disk again for every token."""
    need = weight_bytes(file) + sizes.cells * bytes_per_token(head, wide=sizes.wide)
    free = free_memory()
    if free is not None and need > free and not library.has_gpu():
        problem = say(language(), "llamacpp-too-large", need=show_bytes(need), free=show_bytes(free))
        # What holds the memory now may be an engine that is just ending.
        raise EngineLoadFailed(say(language(), "load-no-memory", folder=str(file), problem=problem), heals=True)


def _warm_up(engine: Engine, file: Path) -> None:
    """One tiny reply: what cannot work at all fails here and not in front of a person."""
    engine.submit(Request("warm-up", (0, 1), 2, sampling=Sampling(temperature=0.0)))
    ended = None
    while ended is None:
        ended = next((event for event in engine.step(60.0) if isinstance(event, Ended)), None)
    if ended.reason != "length":
        problem = say(language(), "load-cannot-generate", problem=ended.detail)
        raise _failed("llamacpp-cannot-load", file, problem=problem)


def _failed(key: str, file: Path, **values: str) -> EngineLoadFailed:
    told = say(language(), key, file=str(file), **values)
    return EngineLoadFailed(f"{told} → {advise(language(), key, quoted=quoted(file))}")
