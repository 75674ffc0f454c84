"""What every engine with weights of its own decides while loading: device, precision, threads; and errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed
from workers.texts import language, say

# Above this size of its files a model on the CPU is kept in 16 bits: half the memory, and for one person nearly twice as quick.
BIG_BYTES = 1 << 28
# Below it threads wait for each other longer than they compute: on two busy cores a tiny model wrote 21 tokens a
# second with two threads and 378 with one.
SMALL_BYTES = 64 << 20
_WANT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory")


def prepare(folder: Path, options: EngineOptions) -> tuple[str, torch.dtype]:
    """Device and precision for the model in `folder`; sets how many threads torch uses."""
    device = choose_device(options.device)
    if threads := options.threads or (1 if device == "cpu" and size_of(folder) < SMALL_BYTES else 0):
        torch.set_num_threads(threads)
    return device, choose_dtype(options.dtype, device, folder)


def choose_device(wanted: str) -> str:
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in has.items() if is_there)
    if not has[wanted]:
        raise EngineLoadFailed(say(language(), "load-no-device", device=wanted))
    return wanted


def choose_dtype(wanted: str, device: str, folder: Path) -> torch.dtype:
    if wanted != "auto":
        dtype: torch.dtype = getattr(torch, wanted)
        return dtype
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device == "mps" or size_of(folder) > BIG_BYTES else torch.float32


def size_of(folder: Path) -> int:
    """Bytes of all weights."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


@contextmanager
def errors_for_people(folder: Path, cannot_load: str) -> Iterator[None]:
    """What torch and libraries raise while loading, as `EngineLoadFailed` that says what to do.

    `cannot_load` is the key of the text for all that is neither damage nor want of memory.
    """
    from safetensors import SafetensorError

    def told(key: str, problem: object) -> str:
        return say(language(), key, folder=str(folder), problem=str(problem))

    try:
        yield
    except SafetensorError as error:
        raise EngineLoadFailed(told("load-damaged", error)) from error
    except (ValueError, LookupError, AttributeError, ImportError, OSError, RuntimeError, MemoryError) as error:
        text = str(error).strip().split("\n")[0]
        if is_out_of_memory(error):
            # What holds the memory now may be an engine that is just ending.
            raise EngineLoadFailed(told("load-no-memory", text), heals=True) from error
        raise EngineLoadFailed(told(cannot_load, text)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """torch has a class for it on NVIDIA's GPUs alone; and a CUDA error may speak of memory and mean a fault."""
    words = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(want in words for want in _WANT_OF_MEMORY)
