"""vLLM in the engine process, for who has it installed: fast, also with one model on several GPUs."""

from __future__ import annotations

import os
from importlib.util import find_spec

from workers.engines.base import Engine, EngineOptions, Progress
from workers.engines.errors import EngineLoadFailed

# vLLM tells its makers who uses it, and writes a line for everything it does.
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_LOGGING_LEVEL": "WARNING"}


def is_installed() -> bool:
    return find_spec("vllm") is not None


def load(options: EngineOptions, progress: Progress) -> Engine:
    """Find the model of `options` and have vLLM load it; raises `EngineLoadFailed`."""
    from workers.texts import advise, language, say

    if not is_installed():
        key = "vllm-missing"
        raise EngineLoadFailed(f"{say(language(), key)} → {advise(language(), key)}")

    from workers.engines.checkpoint import find_folder

    folder = find_folder(options.model, progress)
    progress("warming", options.model)
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})

    from workers.engines.vllm.engine import VllmEngine

    return VllmEngine(folder, options)
