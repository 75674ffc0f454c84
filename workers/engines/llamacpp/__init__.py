"""llama.cpp in the engine process, for quantised models (GGUF) on machines without a GPU; installed by the extra `cpu`.

`engine` is the loop; `cache` knows what lies in llama.cpp's memory, `sequence` one request; `library` alone calls llama.cpp.
"""

from __future__ import annotations

from importlib.util import find_spec

from workers.engines.base import Engine, EngineOptions, Progress
from workers.engines.errors import EngineLoadFailed
from workers.texts import advise, language, say


def is_installed() -> bool:
    return find_spec("llama_cpp") is not None


def load(options: EngineOptions, progress: Progress) -> Engine:
    """Find the GGUF file of `options`, load it and warm up; raises `EngineLoadFailed`."""
    if not is_installed():
        key = "llamacpp-missing"
        raise EngineLoadFailed(f"{say(language(), key)} → {advise(language(), key)}")

    from workers.checkpoints.quantised import find as find_file
    from workers.engines.checkpoint import find

    place = find(options.model, progress)
    if (file := find_file(place)) is None:
        raise EngineLoadFailed(say(language(), "llamacpp-no-gguf", place=str(place)))

    from workers.engines.llamacpp.assembly import assemble

    return assemble(file, options, lambda: progress("warming", options.model))
