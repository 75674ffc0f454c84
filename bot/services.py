"""Child processes of `up` and `chat`: started, watched, started again when they die, and ended with their parent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO

from bot.core.texts import tell

_MAX_PAUSE = 30.0
_STEADY_SECONDS = 60.0
_KILL_AFTER_SECONDS = 10.0
_MAX_LOG_BYTES = 16 << 20


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
        self._shorten_log()
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
        with self._open_log() as log:
            # A session of its own: Ctrl-C in the terminal stops a reply, not the worker.
            self._process = subprocess.Popen(
                self._arguments, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        self._started_at = time.monotonic()

    def _plan_restart(self) -> None:
        steady = time.monotonic() - self._started_at > _STEADY_SECONDS
        self.num_deaths = 1 if steady else self.num_deaths + 1
        pause = 0.0 if self.num_deaths == 1 else min(_MAX_PAUSE, 0.25 * 2**self.num_deaths)
        self._again_at = time.monotonic() + pause

    def _open_log(self) -> AbstractContextManager[IO[bytes] | None]:
        if self.log_file is None:
            return nullcontext()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        return self.log_file.open("ab")

    def _shorten_log(self) -> None:
        """What fills it moves to a second file, in the place of what was there; who writes has it open and goes on in it."""
        if self.log_file and self.log_file.exists() and self.log_file.stat().st_size > _MAX_LOG_BYTES:
            with suppress(OSError):  # a full disk: all the more is the log to end
                shutil.copyfile(self.log_file, f"{self.log_file}.1")
            os.truncate(self.log_file, 0)

    def _close_input(self) -> None:
        assert self._process is not None, "only a started service has an input"
        if self._process.stdin is not None:
            self._process.stdin.close()
