"""The engine process: `python -m workers.engines.child`, started by `process.py` and of no use by hand.

It lives exactly as long as its standard input: when the worker is gone, whatever the reason, so is it, at once.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Never

from workers.engines import load, wire
from workers.engines.base import Engine, EngineOptions, Measured, Stage
from workers.engines.errors import EngineLoadFailed

IDLE_SECONDS = 0.2
# A step that takes longer than this will never come back: the heart stops and the worker ends the process.
STUCK_SECONDS = 120.0


class Child:
    """Three threads: this one steps the engine, one listens to the worker, one beats as a sign of life."""

    def __init__(self, inlet: int, outlet: int) -> None:
        self._inlet, self._outlet = inlet, outlet
        self._writing = Lock()
        self._engine: Engine | None = None
        self._closing = Event()
        self._stepping_since: float | None = None

    def run(self) -> None:
        messages = wire.receive(self._inlet)
        options = EngineOptions(**next(messages)["options"])
        Thread(target=self._listen, args=(messages,), daemon=True).start()
        Thread(target=self._beat, daemon=True).start()
        self._engine = engine = load(options, self._progress)
        self._send({"ready": asdict(engine.limits)})
        while not self._closing.is_set():
            self._step(engine)
        engine.close()

    def fail(self, error: EngineLoadFailed) -> None:
        self._send({"failed": str(error), "heals": error.heals})

    def _progress(self, stage: Stage, detail: str) -> None:
        self._send({"stage": stage, "detail": detail})

    def _step(self, engine: Engine) -> None:
        self._stepping_since = monotonic()
        events = engine.step(IDLE_SECONDS)
        self._stepping_since = None
        if events:
            self._send(wire.dump_events(events))

    def _listen(self, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            if self._engine is None:
                break
            if "submit" in message:
                self._engine.submit(wire.load_request(message["submit"]))
            elif "cancel" in message:
                self._engine.cancel(message["cancel"])
            else:
                self._closing.set()
        leave()

    def _beat(self) -> None:
        while not self._closing.wait(wire.BEAT_SECONDS):
            since = self._stepping_since
            if since is None or monotonic() - since < STUCK_SECONDS:
                engine = self._engine
                self._send({"beat": asdict(engine.stats()) if isinstance(engine, Measured) else None})

    def _send(self, message: dict[str, Any]) -> None:
        with self._writing:
            try:
                wire.send(self._outlet, message)
            except OSError:
                leave()


def leave() -> Never:
    """End now, with every process the engine started: nobody is left to hear an orderly goodbye."""
    sys.stderr.flush()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _leave_loudly(args: threading.ExceptHookArgs) -> None:
    threading.__excepthook__(args)
    leave()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    threading.excepthook = _leave_loudly
    # What libraries print must not reach the pipe that carries the messages.
    outlet = os.dup(1)
    os.dup2(2, 1)
    child = Child(0, outlet)
    try:
        child.run()
    except EngineLoadFailed as error:
        child.fail(error)
    except Exception:
        traceback.print_exc()
    leave()


if __name__ == "__main__":
    main()
