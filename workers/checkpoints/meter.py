"""What a long download shows: one line that changes on a terminal, a plain line now and then everywhere else."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

from workers.checkpoints.files import show_bytes
from workers.texts import say

_TERMINAL_SECONDS, _PLAIN_SECONDS = 0.25, 10.0
_SPEED_SECONDS = 30.0
_CLEAR = "\r\x1b[K"


class Screen:
    """Words go to standard error, so that standard output holds nothing but the result; or to `tell`, a line each."""

    def __init__(self, language: str, tell: Callable[[str], None] | None = None) -> None:
        self.language, self._tell = language, tell
        self.is_terminal = tell is None and sys.stderr.isatty()
        self._lock = Lock()

    def say(self, key: str, **values: str | int) -> None:
        self.line(say(self.language, key, **values))

    def line(self, text: str) -> None:
        if self._tell:
            self._tell(text)
            return
        with self._lock:
            print(f"{_CLEAR if self.is_terminal else ''}{text}", file=sys.stderr, flush=True)

    def rewrite(self, text: str) -> None:
        with self._lock:
            print(f"{_CLEAR}{text}", end="", file=sys.stderr, flush=True)


class Meter:
    """Bytes of all files together, counted by the threads that fetch them."""

    def __init__(self, screen: Screen, total: int, done: int) -> None:
        self._screen, self._total, self._done = screen, total, done
        self._lock = Lock()
        self._shown = monotonic()
        self._marks = deque([(self._shown, done)])

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = monotonic()
            if now - self._shown >= (_TERMINAL_SECONDS if self._screen.is_terminal else _PLAIN_SECONDS):
                self._show(now)

    def end(self) -> None:
        with self._lock:
            self._show(monotonic())
            if self._screen.is_terminal:
                self._screen.line(self._text(monotonic()))

    def _show(self, now: float) -> None:
        self._shown = now
        self._marks.append((now, self._done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _SPEED_SECONDS:
            self._marks.popleft()
        write = self._screen.rewrite if self._screen.is_terminal else self._screen.line
        write(self._text(now))

    def _text(self, now: float) -> str:
        started, before = self._marks[0]
        speed = max(self._done - before, 0) / max(now - started, 0.001)
        return say(
            self._screen.language, "pull-progress", percent=f"{100 * self._done // max(self._total, 1)}",
            done=show_bytes(self._done), total=show_bytes(self._total), speed=show_bytes(int(speed)),
            left=_clock((self._total - self._done) / speed) if speed else "?",
        )  # fmt: skip


def _clock(seconds: float) -> str:
    """3725 is "1:02:05"."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
