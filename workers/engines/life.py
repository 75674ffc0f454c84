"""One life of the engine process, and the replies it owes. `process.py` starts the next one when it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE, Popen
from threading import Lock
from time import monotonic
from typing import IO, Any, Self, cast

from workers.engines import wire
from workers.engines.base import Ended, EngineOptions, Request, Tokens
from workers.engines.errors import EngineDied


class Generation:
    """One reply on its way: iterate for tuples of new ids, in order; then `ended` says why it ended.

    Iterating raises `EngineDied` when the engine process is gone. Leaving the `with` block cancels what is not ended.
    """

    def __init__(self, id: str, cancel: Callable[[], None]) -> None:
        self.id = id
        self.ended: Ended | None = None
        self.cancel = cancel
        self._items: SimpleQueue[tuple[int, ...] | Ended] = SimpleQueue()
        self._died = False

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        while self.ended is None:
            if ids := self._take():
                yield ids
        if self._died:
            raise EngineDied

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.ended is None:
            self.cancel()

    def arrive(self, item: tuple[int, ...] | Ended) -> None:
        self._items.put(item)

    def die(self) -> None:
        self._died = True
        self._items.put(Ended(self.id, "error", "the engine process died"))

    def _take(self) -> tuple[int, ...]:
        """Everything that has come, waiting for something: a slow reader wakes up once for many steps."""
        ids: tuple[int, ...] = ()
        while self.ended is None and not (ids and self._items.empty()):
            item = self._items.get()
            if isinstance(item, Ended):
                self.ended = item
            else:
                ids += item
        return ids


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
            if "events" in message:
                self._dispatch(message["events"])
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
            generation.arrive(Ended(generation.id, "cancelled"))
            self._send({"cancel": key})

    def _dispatch(self, events: list[list[Any]]) -> None:
        for event in map(wire.load_event, events):
            if isinstance(event, Tokens):
                if generation := self._open.get(event.id):
                    generation.arrive(event.ids)
            elif generation := self._open.pop(event.id, None):
                generation.arrive(replace(event, id=generation.id))

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing:
            if self._inlet.closed:
                return
            # A broken pipe is no news: the end of `messages` tells everyone.
            with suppress(BrokenPipeError):
                wire.send(self._inlet.fileno(), message)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
