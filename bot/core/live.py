"""A value made from files, made anew when they change. What cannot be made anew keeps its last good value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from bot.core.errors import CompanionError

T = TypeVar("T")
_LOOK_SECONDS = 1.0

Stamp = tuple[object, ...]


class Live(Generic[T]):
    """Asked for its `value`, it looks at the files, no more than once a second. Safe to share between threads.

    `make` raises a `CompanionError` when the files are wrong; each different problem goes once to `on_problem`, and stands
    in `problem` until the files are right again. The first value must be right: making a `Live` raises what `make` raises.
    """

    def __init__(
        self,
        make: Callable[[], T],
        paths: Iterable[Path],
        on_problem: Callable[[str], None] | None = None,
        *,
        first: T | None = None,
    ) -> None:
        self._make, self._paths = make, tuple(paths)
        self._on_problem = on_problem or (lambda _: None)
        self._lock = Lock()
        self._stamp, self._looked_at = stamp(self._paths), time.monotonic()
        self._value = make() if first is None else first
        self.problem = ""

    @property
    def value(self) -> T:
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            return self.fresh()
        return self._value

    def fresh(self) -> T:
        """The value after a look at the files now, however short ago the last one was."""
        with self._lock:
            self._looked_at, now = time.monotonic(), stamp(self._paths)
            if now != self._stamp or self.problem:
                self._renew(now)
            return self._value

    def _renew(self, now: Stamp) -> None:
        """What is wrong is tried again at each look: its cure may lie in another file."""
        try:
            self._value, problem = self._make(), ""
        except CompanionError as wrong:
            problem = str(wrong)
        self._stamp, is_news = now, problem != self.problem
        self.problem = problem
        if problem and is_news:
            self._on_problem(problem)


def current(given: T | Live[T]) -> T:
    """A value that may change, or one that never does."""
    return given.value if isinstance(given, Live) else given


def stamp(paths: Iterable[Path]) -> Stamp:
    """Another one whenever one of the files, or a file in one of the folders, has changed, come or gone."""
    return tuple(_mark(file) for path in paths for file in (path, *_files_in(path)))


def _files_in(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError:
        return []  # a file, or gone


def _mark(file: Path) -> Stamp:
    try:
        status = file.stat()
    except OSError:
        return (file, None)
    return (file, status.st_mtime_ns, status.st_size)
