"""Any causal language model that transformers knows, through its continuous batching. Works everywhere, fast nowhere."""

from __future__ import annotations

from workers.engines.base import Ended, Engine, EngineOptions, Progress, Request, Sampling
from workers.texts import language, say


def load(options: EngineOptions, progress: Progress) -> Engine:
    """Find, load and warm up the model of `options`; raises `EngineLoadFailed`."""
    from workers.engines.checkpoint import find_folder

    folder = find_folder(options.model, progress)

    from workers.engines.loading import errors_for_people
    from workers.engines.transformers.engine import TransformersEngine
    from workers.engines.transformers.model import load_model

    with errors_for_people(folder, "transformers-cannot-load"):
        model = load_model(folder, options)
        progress("warming", options.model)
        engine = TransformersEngine(model, options)
        _warm_up(engine)
        engine.fit_limits()
    return engine


def _warm_up(engine: Engine) -> None:
    """One tiny reply: what cannot work at all fails here and not in front of a person."""
    engine.submit(Request("warm-up", (0, 1), 2, sampling=Sampling(temperature=0.0)))
    ended = None
    while ended is None:
        ended = next((event for event in engine.step(60.0) if isinstance(event, Ended)), None)
    if ended.reason != "length":
        raise RuntimeError(say(language(), "load-cannot-generate", problem=ended.detail))
