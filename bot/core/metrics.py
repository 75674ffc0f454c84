"""What an operator acts on, in numbers: every metric of every process, with its name, its help and its labels.

Labels are a platform, an outcome or reason, a stage or state, a language: never an id, never a text. A process shows its own
share of them at `http://COMPANION_METRICS_HOST:COMPANION_METRICS_PORT/metrics`, where a port is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from redis.exceptions import RedisError

from bot.core.settings import Settings
from bot.core.store import Keys, Store

log = structlog.get_logger()

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and none of our questions needs them
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where this is set before this module is loaded, several processes count together, in files there."""
PORTS = {"worker": 0, "telegram": 1, "discord": 2, "console": 3}
_WAIT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600, 1800)
_LIMIT_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30)
_REPLY_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
_SPEED_BUCKETS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 200, 500)


def _counter(name: str, help: str, *labels: str) -> Counter:
    return Counter(f"companion_{name}", help, labels, registry=REGISTRY)


def _gauge(name: str, help: str, *labels: str) -> Gauge:
    return Gauge(f"companion_{name}", help, labels, registry=REGISTRY, multiprocess_mode="livesum")


def _histogram(name: str, help: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"companion_{name}", help, labels, buckets=buckets, registry=REGISTRY)


# Where people are met
MESSAGES = _counter("messages_total", "Messages that came in", "platform", "outcome")
CARE = _counter("care_answers_total", "Signs of self-harm that were answered with care", "language")
WAKEUPS_FAILED = _counter("wakeups_failed_total", "Wake-ups that the broker did not take; the sweeper makes up for them")
DELIVERIES = _counter("deliveries_total", "Sendings of finals and notices, and how each went", "platform", "outcome")
REFUSED_CALLS = _counter("refused_calls_total", "Calls that a platform refused, by limit or right", "platform", "why")
LIMIT_WAIT = _histogram("limit_wait_seconds", "Waits of calls for a platform's limits", _LIMIT_BUCKETS, "platform")
DRAFTS = _counter("drafts_total", "Drafts: published by a worker; then shown, or shed", "platform", "outcome")

# Where replies are made
QUEUE_WAIT = _histogram("queue_wait_seconds", "From a message to the start of its reply", _WAIT_BUCKETS, "platform")
RETURNS = _counter(
    "returns_total", "Replies begun where a worker has read the conversation: by that holder or another", "source"
)
FIRST_TEXT = _histogram("first_text_seconds", "From a message to the first text of its reply", _WAIT_BUCKETS, "platform")
REPLY = _histogram("reply_seconds", "From the start of a reply to its end", _REPLY_BUCKETS, "platform")
SPEED = _histogram("reply_tokens_per_second", "How quickly one reply was written", _SPEED_BUCKETS)
TOKENS = _counter("tokens_total", "Tokens that the model wrote, thoughts and answers")
TURNS = _counter("turns_total", "Turns that ended: finished, stopped, cut, or why they failed", "platform", "outcome")
RETRIES = _counter("retries_total", "Turns that had to be begun again, since a try or a worker failed")
ENGINE_RESTARTS = _counter("engine_restarts_total", "Times that the engine died or hung and was started again")
ENGINE_REQUESTS = _gauge("engine_requests", "Requests in the engine: running is the size of its batch", "state")
ENGINE_BLOCKS = _gauge("engine_blocks", "Blocks of the engine's cache; free ones may still hold what was read earlier", "state")
ENGINE_STEPS = _counter("engine_steps_total", "Steps of the engine; each writes a token for all who run")
ENGINE_STEP_SECONDS = _counter("engine_step_seconds_total", "Time that these steps took")
ENGINE_PROMPT_TOKENS = _counter("engine_prompt_tokens_total", "Tokens of prompts, taken from the cache or read", "source")
ENGINE_PREEMPTIONS = _counter("engine_preemptions_total", "Requests set back, to be computed again: memory was short")
SLOTS = _gauge("slots", "Replies that this worker makes at once")
SLOTS_BUSY = _gauge("slots_busy", "Replies that this worker is making")
ENGINE_READY = _gauge("engine_ready", "1 while this worker has a model that answers")

# What is in Redis; every worker sees the same
WAITING = _gauge("waiting_conversations", "Conversations that wait for a reply, or get one now", "platform")
DEAD = _gauge("dead_letters", "Turns put aside after their last try", "platform")

# All processes
REDIS_LOST = _counter("redis_lost_total", "Times that Redis was out of reach, after all retries", "stage")
DISK_FREE = _gauge("data_free_bytes", "Room on the disk of the data folder")


def serve(settings: Settings, process: str) -> Callable[[], None]:
    """Show this process's metrics where a port is set; gives what ends it. A port that is taken is told, and no more."""
    if settings.metrics_port is None:
        return _nothing
    host, port = settings.metrics_host, settings.metrics_port + PORTS[process]
    try:
        server, _ = start_http_server(port, host, _shown(settings.data_dir))
    except OSError as problem:
        log.warning("no metrics: the address cannot be used", host=host, port=port, error=problem.strerror, action="metrics")
        return _nothing
    log.info("metrics are served", host=host, port=port, action="metrics")
    return lambda: _end(server)


def _nothing() -> None:
    pass


def _end(server: Any) -> None:
    server.shutdown()
    server.server_close()


def _shown(data_dir: Path) -> CollectorRegistry:
    if _FOLDER in os.environ:
        return _Together(data_dir)
    DISK_FREE.set_function(lambda: shutil.disk_usage(data_dir).free)
    return REGISTRY


class _Together(CollectorRegistry):
    """What several processes have counted. Functions would be asked in none of them."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self._data_dir = data_dir
        MultiProcessCollector(self)  # type: ignore[no-untyped-call]
        ProcessCollector(registry=self)

    def collect(self) -> Iterator[Metric]:
        DISK_FREE.set(shutil.disk_usage(self._data_dir).free)
        return iter(super().collect())


def leave(pid: int) -> None:
    """That process is gone: what it counted stays, what it had does not."""
    if _FOLDER in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def read_queues(store: Store) -> None:
    """Count what waits in Redis. Two accounts of one platform add up."""
    waiting: dict[str, int] = {}
    dead: dict[str, int] = {}
    for surface in store.surfaces():
        platform, keys = surface.partition(":")[0], Keys(surface)
        num_waiting: Any = store.redis.zcard(keys.pending)
        num_dead: Any = store.redis.hlen(keys.dead)
        waiting[platform] = waiting.get(platform, 0) + num_waiting
        dead[platform] = dead.get(platform, 0) + num_dead
    for platform in waiting:
        WAITING.labels(platform).set(waiting[platform])
        DEAD.labels(platform).set(dead[platform])


@contextmanager
def watching_redis(stage: str) -> Iterator[None]:
    """Count what Redis refuses within, and let it pass."""
    try:
        yield
    except RedisError:
        REDIS_LOST.labels(stage).inc()
        raise
