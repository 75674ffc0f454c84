"""Any server that speaks OpenAI's HTTP API (vLLM, SGLang, llama.cpp, Ollama, DeepSeek's) as an engine. Needs no torch.

The contract stays the same: ids go in and come out. Here they are pieces of text (`ids.py`), for the server has the tokenizer.
"""

from __future__ import annotations

from importlib.util import find_spec

from workers.engines.base import Engine, EngineOptions, Progress
from workers.engines.errors import EngineLoadFailed
from workers.engines.openai.places import is_here
from workers.proxies import is_one_unusable


def missing(options: EngineOptions) -> str:
    """The key of the text for what there has to be before any server can be asked; nothing when all is there."""
    if not options.urls:
        return "openai-no-urls"
    if not find_spec("httpx"):
        return "openai-no-httpx"
    return "proxy-socks" if is_one_unusable() and not all(map(is_here, options.urls)) else ""


def load(options: EngineOptions, progress: Progress) -> Engine:
    """Ask every server for its model and for one short reply; raises `EngineLoadFailed` when none can be used."""
    from workers.texts import advise, language, say

    if key := missing(options):
        raise EngineLoadFailed(f"{say(language(), key)} → {advise(language(), key)}")

    from workers.engines.openai.engine import OpenAIEngine

    return OpenAIEngine(options, progress)
