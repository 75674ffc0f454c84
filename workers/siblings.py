"""The further processes of a worker, as the first one sees them: started, started again when they die, ended with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from threading import RLock

import structlog

from bot.core import metrics
from workers.engines.process import STEADY_SECONDS, back_off
from workers.place import Place

log = structlog.get_logger()

_KILL_AFTER_SECONDS = 5.0


class Siblings:
    """All of them; a sibling has none itself. Safe to share between threads."""

    def __init__(self, place: Place, grace_seconds: float, redis_url: str) -> None:
        self._grace_seconds = grace_seconds
        environment = {**os.environ, "COMPANION_REDIS_URL": redis_url}
        numbers = range(1, place.num) if place.number == 0 else ()
        self._all = [_Sibling(place.sibling(number), grace_seconds, environment) for number in numbers]
        self._is_ending = False
        self._changing = RLock()  # a signal may come while this very thread ends them

    def keep_alive(self) -> None:
        """Start whoever does not run; call it every second or so."""
        with self._changing:
            for sibling in () if self._is_ending else self._all:
                sibling.keep_alive()

    def ask_to_end(self) -> None:
        """They end their replies within the grace, or hand them back, as we do."""
        with self._changing:
            self._is_ending = True
            for sibling in self._all:
                sibling.ask_to_end()

    def end(self) -> None:
        """Returns when they are gone."""
        self.ask_to_end()
        end = time.monotonic() + self._grace_seconds + _KILL_AFTER_SECONDS
        for sibling in self._all:
            sibling.wait(max(0.0, end - time.monotonic()))


class _Sibling:
    def __init__(self, place: Place, grace_seconds: float, environment: Mapping[str, str]) -> None:
        self._place, self._environment = place, environment
        self._command = [sys.executable, "-m", "workers", "run", "--grace", str(grace_seconds), "--place", place.dump()]
        self._process: Popen[bytes] | None = None
        self._num_deaths, self._started_at, self._again_at = 0, 0.0, 0.0

    def keep_alive(self) -> None:
        if self._process and self._process.poll() is not None:
            self._bury(self._process)
        if self._process is None and time.monotonic() >= self._again_at:
            self._start()

    def ask_to_end(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        if self._process is None:
            return
        with suppress(TimeoutExpired):
            self._process.wait(seconds)
        self._process.kill()
        self._process.wait()
        self._process = None

    def _start(self) -> None:
        self._started_at = time.monotonic()
        try:
            # Ctrl-C in the terminal is for the first process, which then ends the others.
            self._process = Popen(self._command, env=self._environment, stdin=PIPE, start_new_session=True)
        except OSError as problem:
            log.warning("a process of the worker cannot be started", number=self._place.number, error=problem.strerror)
            self._wait_longer()

    def _bury(self, process: Popen[bytes]) -> None:
        log.warning("a process of the worker died", number=self._place.number, status=process.returncode, action="sibling_died")
        metrics.leave(process.pid)
        if process.stdin:
            process.stdin.close()
        self._process = None
        self._wait_longer()

    def _wait_longer(self) -> None:
        is_steady = time.monotonic() - self._started_at > STEADY_SECONDS
        self._num_deaths = 1 if is_steady else self._num_deaths + 1
        self._again_at = time.monotonic() + back_off(self._num_deaths)
