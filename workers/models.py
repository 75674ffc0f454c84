"""Which engine and which model: what the settings say, with the bundled model and the echo engine where nothing is named."""

from __future__ import annotations

from pathlib import Path

from bot.core.settings import Settings
from workers.checkpoints.local import id_of, is_fetched
from workers.checkpoints.weights import num_parameters
from workers.engines.base import EngineOptions
from workers.engines.openai.places import is_here, shown
from workers.texts import language, say

BUNDLED = Path(__file__).parent / "bundled"


def choose(settings: Settings) -> EngineOptions:
    """The engine's options; `auto` takes the servers that are named, or echo when the bundled model is asked for and is not
    there; else it stays `auto`, and the model's files decide (`engines/auto.py`)."""
    model, engine = settings.model, settings.engine
    if engine == "openai" or (engine == "auto" and settings.openai_urls):
        return _servers(settings)
    if model == "bundled" and engine != "echo":
        if engine == "auto" and not has_bundled():
            engine = "echo"
        model = str(BUNDLED)
    return EngineOptions(
        engine=engine,
        model="echo" if engine == "echo" else id_of(model) if is_fetched(model) else model,
        device=settings.device,
        weights=settings.weights,
        context=settings.context_tokens,
        requests=settings.slots,
        gpus=settings.gpus,
    )


def _servers(settings: Settings) -> EngineOptions:
    urls = settings.openai_urls.get_secret_value() if settings.openai_urls else ""
    return EngineOptions(
        engine="openai",
        model=settings.openai_model,
        context=settings.context_tokens,
        requests=settings.slots,
        urls=tuple(filter(None, (url.strip() for url in urls.split(",")))),
        key=settings.openai_key.get_secret_value() if settings.openai_key else "",
        api=settings.openai_api,
        first_seconds=settings.openai_first_seconds,
        next_seconds=settings.openai_next_seconds,
    )


def has_bundled() -> bool:
    return (BUNDLED / "model.safetensors").is_file()


def remark(options: EngineOptions) -> str:
    """A line for whoever starts the program, when what runs is not made for real conversation, or is elsewhere."""
    if options.engine == "echo":
        return say(language(), "remark-echo")
    if options.engine == "openai":
        # Whoever runs the service shall know where people's words go.
        places = [shown(url) for url in options.urls if not is_here(url)]
        return say(language(), "openai-elsewhere", places=", ".join(places)) if places else ""
    if options.model == str(BUNDLED):
        return say(language(), "remark-bundled", millions=f"{num_parameters(BUNDLED) / 1e6:.0f}")
    return ""
