"""An engine small enough to read in one sitting: Qwen2, Llama and Qwen3 over a paged cache.

`engine` is the loop; `scheduler`, `blocks` with their `owners`, `sequence` and `pace` decide what runs; `runner` launches
`model` (made of `operations`), `attention` (with `rope`) and `sampler`. `slots` keeps on the device what comes next, `transfer`
carries numbers there and back. `cuda` is what only NVIDIA GPUs have: the same in fewer launches, by the kernels of
`workers.engines.kernels`; `narrow` is that with weights in 8 bits.
"""

from __future__ import annotations

from workers.engines.base import Ended, Engine, EngineOptions, Progress, Request, Sampling
from workers.engines.errors import EngineLoadFailed
from workers.texts import language, say


def load(options: EngineOptions, progress: Progress) -> Engine:
    """Find, load and warm up the model of `options`; raises `EngineLoadFailed`."""
    from workers.engines.checkpoint import find_folder
    from workers.engines.paged.config import NotCovered, read_config

    folder = find_folder(options.model, progress)
    try:
        config = read_config(folder)
    except NotCovered as problem:
        told = say(language(), "paged-not-covered", folder=str(folder), problem=str(problem))
        raise EngineLoadFailed(told) from problem

    from workers.engines.loading import errors_for_people
    from workers.engines.paged.assembly import assemble

    with errors_for_people(folder, "paged-cannot-load"):
        engine = assemble(folder, config, options, lambda: progress("warming", options.model))
        _warm_up(engine)
    return engine


def _warm_up(engine: Engine) -> None:
    """One tiny reply: what cannot work at all fails here and not in front of a person."""
    engine.submit(Request("warm-up", (0, 1), 2, sampling=Sampling(seed=0)))
    ended = None
    while ended is None:
        ended = next((event for event in engine.step(60.0) if isinstance(event, Ended)), None)
    if ended.reason != "length":
        raise RuntimeError(say(language(), "load-cannot-generate", problem=ended.detail))
