"""The engine's numbers, as they are shown."""

from bot.core.metrics import REGISTRY
from workers.engines.base import Stats
from workers.measures import EngineMeasures


def shown(source):
    return REGISTRY.get_sample_value("companion_engine_prompt_tokens_total", {"source": source}) or 0.0


def test_what_is_found_in_the_cache_only_later_does_not_end_the_counting():
    """Counted as to be read when it came; while it waited for its turn, others had read it."""
    before = shown("read"), shown("cache")
    measures = EngineMeasures()
    measures.take(Stats(prompt_tokens=100, cached_tokens=0))
    measures.take(Stats(prompt_tokens=100, cached_tokens=64))
    measures.take(Stats(prompt_tokens=300, cached_tokens=128))

    assert (shown("read") - before[0], shown("cache") - before[1]) == (172, 128)
