"""Which engine runs a model where nobody chose one: the fastest of those that were measured for it (bench/NOTES.md)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from workers.checkpoints.quantised import find as find_gguf
from workers.engines.base import EngineOptions, Progress
from workers.engines.paged.config import FAMILIES, NotCovered, read_config

Engine = Literal["paged", "transformers", "llamacpp"]


def pick(options: EngineOptions, progress: Progress) -> Engine:
    """Finds the model, downloading it if need be; raises `EngineLoadFailed`."""
    from workers.engines.checkpoint import find

    place = find(options.model, progress)
    if find_gguf(place):
        return "llamacpp"

    from workers.engines.loading import choose_device

    return engine_for(place, choose_device(options.device))


def engine_for(folder: Path, device: str) -> Engine:
    """For a folder with safetensors."""
    try:
        shape = read_config(folder).shape
    except NotCovered:
        return "transformers"
    if device == "cuda" and not _has_kernels(shape.head_dim):
        return "transformers"
    return engine_for_family(shape.family, device)


def engine_for_family(family: str, device: str) -> Engine:
    """Where the GPU, if there is one, is new enough."""
    return "paged" if device in ("cpu", "cuda") and family in FAMILIES else "transformers"


def _has_kernels(width: int) -> bool:
    """`paged` runs without them too, but is then the slower one."""
    import torch

    from workers.engines.kernels import has_flash

    return find_spec("triton") is not None and has_flash(torch.device("cuda"), torch.bfloat16, width)
