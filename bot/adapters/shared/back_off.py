"""Pauses between tries at something that does not work now."""

from __future__ import annotations

import asyncio
import random
import time

import structlog

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_TELL_SECONDS = 60.0


class BackOff:
    """Pauses that grow and never agree with those of others; a line in the log once a minute.

    `told` is that line. Problems are told by kind and words: make sure that those hold no token.
    """

    def __init__(self, told: str, action: str) -> None:
        self._told, self._action = told, action
        self._pause = _FIRST_PAUSE
        self._told_at = float("-inf")

    def reset(self) -> None:
        self._pause = _FIRST_PAUSE

    async def wait(self, problem: Exception, least: float = 0.0) -> None:
        if time.monotonic() >= self._told_at + _TELL_SECONDS:
            self._told_at = time.monotonic()
            log.warning(self._told, action=self._action, error=f"{type(problem).__name__}: {problem}")
        await asyncio.sleep(max(least, self._pause * random.uniform(0.5, 1.5)))  # noqa: S311 (nobody guesses it to do harm)
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)
