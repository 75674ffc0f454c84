"""One life of the engine process, and the replies it owes. `process.py` starts the next one when it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import PIPE, Popen
from threading import Lock
from time import monotonic
from typing import IO, Any, Self, cast

from workers.engines import wire
from workers.engines.base import Ended, EngineOptions, Request
from workers.engines.errors import EngineDied

_PIPE_BYTES = 1 << 20


class Generation:
    """One reply on its way: `read` gives new ids, in order; then `ended` says why it ended.

    Reading raises `EngineDied` when the engine process is gone. Leaving the `with` block cancels what is not ended.
    """

    def __init__(self, id: str, cancel: Callable[[], None]) -> None:
        self.id = id
        self.ended: Ended | None = None
        self.cancel = cancel
        self._arrived: deque[int] = deque()
        self._end: Ended | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._wants_any = self._died = False

    def read(self, not_before: float = 0.0) -> tuple[int, ...]:
        """All that has come, waiting for something; nothing when it has ended. Before that time the end alone is told.

        So who looks now and then is not woken for every step: with many replies that would be most of the work.
        """
        self._rest(not_before)
        self._wants_any = True
        while not self._arrived and self._end is None:
            self._bell.get()
        self._wants_any = False
        is_last = self._end is not None
        ids = tuple(self._arrived.popleft() for _ in range(len(self._arrived)))
        if is_last and not ids:
            self.ended = self._end
            if self._died:
                raise EngineDied
        return ids

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        while ids := self.read():
            yield ids

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.ended is None:
            self.cancel()

    def arrive(self, id: int) -> None:
        self._arrived.append(id)
        if self._wants_any:
            self._bell.put(None)

    def end(self, ended: Ended) -> None:
        self._end = ended
        self._bell.put(None)

    def die(self) -> None:
        self._died = True
        self.end(Ended(self.id, "error", "the engine process died"))

    def _rest(self, until: float) -> None:
        while self._end is None and (seconds := until - monotonic()) > 0:
            with suppress(Empty):
                self._bell.get(timeout=seconds)


class Life:
    """Starts an engine process. `messages` must be read by one thread until it is over, then `bury` called."""

    def __init__(self, options: EngineOptions) -> None:
        self._process = Popen(
            [sys.executable, "-P", "-m", "workers.engines.child"],
            stdin=PIPE,
            stdout=PIPE,
            bufsize=0,
            env=_environment(),
            # Ctrl-C in the terminal is for the worker, which then decides when the engine ends.
            start_new_session=True,
        )
        self._inlet = cast(IO[bytes], self._process.stdin)
        self._outlet = cast(IO[bytes], self._process.stdout)
        _widen(self._outlet)
        self._writing, self._opening = Lock(), Lock()
        self._open: dict[str, Generation] = {}
        self._keys = map(str, count())
        self._over = False
        self.heard_at = monotonic()
        self._send({"options": asdict(options)})

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, request: Request) -> Generation:
        key = next(self._keys)
        generation = Generation(request.id, partial(self._cancel, key))
        with self._opening:
            if self._over:
                generation.die()
            else:
                self._open[key] = generation
        self._send({"submit": wire.dump_request(replace(request, id=key))})
        return generation

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the process says about itself, until it is gone; tokens and ends go to their generations."""
        for message in wire.receive(self._outlet.fileno()):
            self.heard_at = monotonic()
            if "ends" in message:
                self._dispatch(**message)
            elif message.get("beat", True):
                yield message

    def ask_to_close(self) -> None:
        self._send({"close": True})

    def kill(self) -> None:
        """End the process and all that it started; works on a stopped one too."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()

    def bury(self) -> None:
        """Tell everyone who still waits, and leave nothing of the process behind."""
        with self._opening:
            self._over = True
        while self._open:
            self._open.popitem()[1].die()
        self.kill()
        self._process.wait()
        with self._writing:
            self._inlet.close()
        self._outlet.close()

    def _cancel(self, key: str) -> None:
        # Whoever takes the generation out of the table ends it, so that there is one end under any race.
        if generation := self._open.pop(key, None):
            generation.end(Ended(generation.id, "cancelled"))
            self._send({"cancel": key})

    def _dispatch(self, of: list[str], ids: list[int], ends: list[list[Any]]) -> None:
        for key, id in zip(of, ids, strict=True):
            if generation := self._open.get(key):
                generation.arrive(id)
        for ended in map(wire.load_end, ends):
            if generation := self._open.pop(ended.id, None):
                generation.end(replace(ended, id=generation.id))

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing:
            if self._inlet.closed:
                return
            # A broken pipe is no news: the end of `messages` tells everyone.
            with suppress(BrokenPipeError):
                wire.send(self._inlet.fileno(), message)


def _widen(pipe: IO[bytes]) -> None:
    """Where we are slow to read for a second or two, the engine shall not have to wait with its next step."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # more than this user may have
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
