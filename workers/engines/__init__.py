"""Engines by name. Nothing heavy is imported before `load` is called for the one that needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from workers.engines.base import Engine, EngineOptions, Progress
from workers.engines.errors import EngineLoadFailed

Factory = Callable[[EngineOptions, Progress], Engine]


def load(options: EngineOptions, progress: Progress = lambda stage, detail: None) -> Engine:
    """Load the engine and model of `options`; raises `EngineLoadFailed` with what to do. `auto` picks one by the model."""
    if options.engine not in ("auto", *ENGINES):
        from workers.texts import language, say

        raise EngineLoadFailed(say(language(), "load-no-engine", engine=repr(options.engine), names=", ".join(ENGINES)))
    try:
        return _load(options, progress)
    except ModuleNotFoundError as missing:
        # An installation for llama.cpp or for servers has no torch.
        from workers.texts import advise, language, say

        key = "load-no-package"
        told = say(language(), key, package=missing.name or "?")
        raise EngineLoadFailed(f"{told} → {advise(language(), key)}") from missing


def _load(options: EngineOptions, progress: Progress) -> Engine:
    name: str = options.engine
    if name == "auto":
        from workers.engines.auto import pick

        name = pick(options, progress)
    if options.weights == "fp8" and name in ("transformers", "llamacpp", "vllm"):
        from workers.texts import language, say

        raise EngineLoadFailed(say(language(), "load-only-whole", engine=name))
    engine = ENGINES[name](options, progress)
    engine.limits = replace(engine.limits, engine=name)
    return engine


def _echo(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.echo.engine import EchoEngine

    return EchoEngine(options)


def _transformers(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.transformers import load

    return load(options, progress)


def _paged(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.paged import load

    return load(options, progress)


def _openai(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.openai import load

    return load(options, progress)


def _vllm(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.vllm import load

    return load(options, progress)


def _llamacpp(options: EngineOptions, progress: Progress) -> Engine:
    from workers.engines.llamacpp import load

    return load(options, progress)


ENGINES: dict[str, Factory] = {
    "echo": _echo,
    "paged": _paged,
    "transformers": _transformers,
    "llamacpp": _llamacpp,
    "openai": _openai,
    "vllm": _vllm,
}
