"""Which engine runs a model where nobody chose one: the fastest of those that were measured for it (bench/NOTES.md)."""

from __future__ import annotations

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
        return engine_for_family(read_config(folder).shape.family, device)
    except NotCovered:
        return "transformers"


def engine_for_family(family: str, device: str) -> Engine:
    """`paged` is measured on CPUs alone as yet."""
    return "paged" if device == "cpu" and family in FAMILIES else "transformers"
