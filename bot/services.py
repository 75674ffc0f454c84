"""Child processes of `up` and `chat`: started, watched, started again when they die, and ended with their parent."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from bot.core.texts import tell

_MAX_PAUSE = 30.0
_STEADY_SECONDS = 60.0
_KILL_AFTER_SECONDS = 10.0


class Service:
    """One child. It gets a pipe as standard input and ends when that closes, so even kill -9 leaves no orphan."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self._arguments = [sys.executable, "-m", *arguments]
        self._environment, self.log_file = dict(environment), log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._again_at = 0.0
        self.num_deaths = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def keep_alive(self) -> None:
        """Start it if it does not run, after a pause that grows with every early death."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            self._close_input()
            self._process = None
            self._plan_restart()
        if time.monotonic() >= self._again_at:
            self._start()

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log_file.read_text(errors="replace").split("\n") if self.log_file else []
        return next((line for line in reversed(lines) if line.strip()), tell("without-a-word"))

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self._process is None:
            return
        self._close_input()
        try:
            self._process.wait(_KILL_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> None:
        log = self._open_log()
        # A session of its own: Ctrl-C in the terminal stops a reply, not the worker.
        self._process = subprocess.Popen(
            self._arguments, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
        if log is not None:
            log.close()
        self._started_at = time.monotonic()

    def _plan_restart(self) -> None:
        steady = time.monotonic() - self._started_at > _STEADY_SECONDS
        self.num_deaths = 1 if steady else self.num_deaths + 1
        pause = 0.0 if self.num_deaths == 1 else min(_MAX_PAUSE, 0.25 * 2**self.num_deaths)
        self._again_at = time.monotonic() + pause

    def _open_log(self) -> IO[bytes] | None:
        if self.log_file is None:
            return None
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        return self.log_file.open("ab")

    def _close_input(self) -> None:
        assert self._process is not None, "only a started service has an input"
        if self._process.stdin is not None:
            self._process.stdin.close()
