"""The threads in which replies are made. No wake-up is taken before one of them is free: another process may be free now."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from celery.concurrency.thread import ApplyResult, TaskPool


class Threads(TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery's, which tell its loop when one of them is free; by itself it would look once a second."""

    _loop: Any = None

    def register_with_event_loop(self, loop: Any) -> None:
        self._loop = loop

    def on_apply(self, *arguments: Any, **named: Any) -> ApplyResult:
        result = super().on_apply(*arguments, **named)
        result.f.add_done_callback(self._tell)
        return result

    def _tell(self, _: Future[Any]) -> None:
        if self._loop is not None:
            self._loop.call_soon(_look)


def _look() -> None:
    """The loop does so whenever it is woken."""
