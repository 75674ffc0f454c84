"""What is told of a turn while it is made: one line of the log at its start and its end, and the numbers in between."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from bot.core import metrics
from bot.core.lease import Lease
from bot.core.messages import Draft, Final, Finished
from workers.engines.base import Stats

log = structlog.get_logger()


def lease_taken(lease: Lease, pseudonym: str, worker: str = "") -> None:
    """From here on every line of this thread's log carries the message's trace; see `logs.context`."""
    structlog.contextvars.bind_contextvars(conversation=pseudonym, trace=lease.trace)
    if lease.holder:
        metrics.RETURNS.labels("holder" if lease.holder == worker else "other").inc()
    if lease.tries > 1:
        metrics.RETRIES.inc()
    else:
        metrics.QUEUE_WAIT.labels(lease.conversation.platform).observe(_age(lease))


def turn_begun(lease: Lease, turn: str) -> None:
    structlog.contextvars.bind_contextvars(turn=turn)
    more = {"also_answers": lease.traces[:-1]} if len(lease.traces) > 1 else {}
    log.info("turn begun", tries=lease.tries, waited=round(_age(lease), 3), **more)


def turn_ended(lease: Lease, final: Final, *, is_lost: bool) -> None:
    outcome = "lost" if is_lost else (final.note or "finished") if isinstance(final, Finished) else final.reason
    metrics.TURNS.labels(lease.conversation.platform, outcome).inc()
    log.info("turn ended", turn=final.turn, outcome=outcome, tries=lease.tries, seconds=round(_age(lease), 3))


def written(num_tokens: int, seconds: float, *, is_estimate: bool = False) -> None:
    """One attempt of the model."""
    if is_estimate:
        log.info("written", tokens=num_tokens, counted="by estimate: about four bytes a token")
    metrics.TOKENS.inc(num_tokens)
    if num_tokens and seconds > 0:
        metrics.SPEED.observe(num_tokens / seconds)


class EngineMeasures:
    """The numbers of one life of the engine, which begin at zero; ours go on from life to life."""

    def __init__(self) -> None:
        self._last, self._num_read = Stats(), 0

    def take(self, stats: Stats) -> None:
        last, self._last = self._last, stats
        metrics.ENGINE_REQUESTS.labels("running").set(stats.running)
        metrics.ENGINE_REQUESTS.labels("waiting").set(stats.waiting)
        metrics.ENGINE_BLOCKS.labels("used").set(stats.blocks_used)
        metrics.ENGINE_BLOCKS.labels("free").set(stats.blocks - stats.blocks_used)
        metrics.ENGINE_STEPS.inc(stats.steps - last.steps)
        metrics.ENGINE_STEP_SECONDS.inc(stats.step_seconds - last.step_seconds)
        metrics.ENGINE_PROMPT_TOKENS.labels("cache").inc(stats.cached_tokens - last.cached_tokens)
        # Who waits for a turn may find in the cache later what was to be read: then there is less of it than was told before.
        num_read = max(self._num_read, stats.prompt_tokens - stats.cached_tokens)
        metrics.ENGINE_PROMPT_TOKENS.labels("read").inc(num_read - self._num_read)
        self._num_read = num_read
        metrics.ENGINE_PREEMPTIONS.inc(stats.preemptions - last.preemptions)


class Watched:
    """Publishes the drafts of one reply, and notes when its first text came and how long it took."""

    def __init__(self, lease: Lease, publish: Callable[[Lease, Draft], None]) -> None:
        self._lease, self._publish, self._platform = lease, publish, lease.conversation.platform
        self._began_at, self._has_text = time.monotonic(), False

    def publish(self, draft: Draft) -> None:
        if draft.answer or draft.thought:
            self._text_came()
        self._publish(self._lease, draft)
        metrics.DRAFTS.labels(self._platform, "published").inc()

    def end(self, answer: str) -> None:
        if answer:
            self._text_came()
        metrics.REPLY.labels(self._platform).observe(time.monotonic() - self._began_at)

    def _text_came(self) -> None:
        if not self._has_text:
            self._has_text = True
            metrics.FIRST_TEXT.labels(self._platform).observe(_age(self._lease))


def _age(lease: Lease) -> float:
    """Seconds since the oldest of its messages was written; the writer's clock may be ahead of ours."""
    return max(0.0, time.time() - lease.lines[0].at)
