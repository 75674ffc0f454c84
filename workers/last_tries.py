"""Who is tried for the last time is tried without another such: when the engine dies again, it is known whose fault it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

_FILE = "last-try"


class LastTries:
    """One at a time, of all processes that share an engine and have this `folder`; without one there is this process alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self._here = Lock()
        self._file = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600) if folder else None

    @contextmanager
    def begin(self) -> Iterator[bool]:
        """Whether it may begin now; others may not before the block is left, or the process dead."""
        if not self._here.acquire(blocking=False):
            yield False
            return
        try:
            yield self._file is None or _lock(self._file)
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._here.release()


def _lock(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
