"""Checkpoint folder -> model on its device: safetensors alone, never foreign code."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workers.engines.base import EngineOptions
from workers.engines.errors import EngineLoadFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

# Above this size of its files a model on the CPU is kept in 16 bits: float32 is quicker there but twice as large.
BIG_BYTES = 1 << 30
# Below it threads wait for each other longer than they compute: on two busy cores a tiny model wrote 21 tokens a
# second with two threads and 378 with one.
SMALL_BYTES = 64 << 20


def load_model(folder: Path, options: EngineOptions) -> PreTrainedModel:
    """Load onto the device; raises within `errors_for_people`."""
    device = choose_device(options.device)
    if threads := options.threads or (1 if device == "cpu" and size_of(folder) < SMALL_BYTES else 0):
        torch.set_num_threads(threads)
    return _load(folder, device, choose_dtype(options.dtype, device, folder))


def choose_device(wanted: str) -> str:
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in has.items() if is_there)
    if not has[wanted]:
        raise EngineLoadFailed(
            f"The device {wanted} was asked for, but this machine, or the torch installed on it, has none."
            " Set the device to auto or cpu, or install a torch built for it."
        )
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


def choose_attention(device: str, dtype: torch.dtype) -> str:
    # transformers would fetch kernels from the hub by itself; only what is installed here is used.
    takes_flash = device == "cuda" and dtype.itemsize == 2
    if takes_flash and find_spec("flash_attn_interface"):
        return "flash_attention_3"
    if takes_flash and find_spec("flash_attn"):
        return "flash_attention_2"
    return "sdpa"


def _load(folder: Path, device: str, dtype: torch.dtype) -> PreTrainedModel:
    loader = _quiet_loader()
    from workers.engines.transformers import flash

    loaded, info = loader.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=choose_attention(device, dtype),
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
        device_map={"": device} if device != "cpu" and find_spec("accelerate") else None,
    )
    if missing := info["missing_keys"]:
        raise EngineLoadFailed(f"The weights in {folder} lack {len(missing)} parts of the model. Download it again.")
    model: PreTrainedModel = loaded.to(device).eval()
    if model.config._attn_implementation == "sdpa" and flash.suits(model):
        flash.use(model)
    return model


def _quiet_loader() -> Any:
    import transformers
    from transformers.utils import logging

    quiet: Any = logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    # Has a level of its own, and its warnings quote prompts.
    getLogger("ContinuousBatchingLogger").setLevel(ERROR)
    return transformers.AutoModelForCausalLM


@contextmanager
def errors_for_people(folder: Path) -> Iterator[None]:
    """What torch and transformers raise while loading, as `EngineLoadFailed` that says what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise EngineLoadFailed(f"A weights file in {folder} is damaged ({error}). Download it again.") from error
    except (ValueError, LookupError, AttributeError, ImportError, OSError, RuntimeError, MemoryError) as error:
        text = str(error).strip().split("\n")[0]
        if isinstance(error, MemoryError) or "memory" in text:
            # What holds the memory now may be an engine that is just ending.
            raise EngineLoadFailed(f"The model in {folder} does not fit into memory: {text}", heals=True) from error
        raise EngineLoadFailed(f"transformers cannot load the model in {folder}: {text}") from error
