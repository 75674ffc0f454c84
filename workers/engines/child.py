"""The engine process: `python -m workers.engines.child`, started by `process.py` and of no use by hand.

It lives exactly as long as the wire to who started it: when the worker is gone, whatever the reason, so is it, at once. Other
processes of the worker come in at the door, as they like, and go.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import count
from socket import socket
from threading import Event, Thread
from time import monotonic
from typing import Any, Never

from workers.engines import load, wire
from workers.engines.base import Engine, EngineOptions, Forgetful, Measured, Stage
from workers.engines.clients import Client, Clients
from workers.engines.errors import EngineLoadFailed

IDLE_SECONDS = 0.2
# A step that takes longer than this will never come back: the heart stops and the worker ends the process.
STUCK_SECONDS = 120.0


class Child:
    """This thread steps the engine, one beats as a sign of life, one waits at the door, and one listens to each client."""

    def __init__(self, keeper: socket) -> None:
        self._clients = Clients(keeper)
        self._engine: Engine | None = None
        self._closing = Event()
        self._stepping_since: float | None = None

    def run(self) -> None:
        messages = wire.listen(self._clients.keeper.wire)
        first = next(messages)
        if first["door"] is not None:
            Thread(target=self._wait_at, args=(socket(fileno=first["door"]),), daemon=True).start()
        Thread(target=self._serve_keeper, args=(messages,), daemon=True).start()
        Thread(target=self._beat, daemon=True).start()
        self._engine = engine = load(EngineOptions(**first["options"]), self._progress)
        self._clients.tell({"ready": asdict(engine.limits)})
        while not self._closing.is_set():
            self._step(engine)
        engine.close()

    def fail(self, error: EngineLoadFailed) -> None:
        self._clients.tell({"failed": str(error), "heals": error.heals})
        self._clients.keeper.flush()

    def _progress(self, stage: Stage, detail: str) -> None:
        self._clients.tell({"stage": stage, "detail": detail})

    def _step(self, engine: Engine) -> None:
        self._stepping_since = monotonic()
        events = engine.step(IDLE_SECONDS)
        self._stepping_since = None
        if events:
            self._clients.hand_out(events)

    def _wait_at(self, door: socket) -> None:
        door.set_inheritable(False)
        for number in count(1):
            client = self._clients.welcome(door.accept()[0], number)
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve_keeper(self, messages: Iterator[dict[str, Any]]) -> None:
        """Without it there is nobody to say when the engine ends, so it does."""
        self._hear(self._clients.keeper, messages)
        leave()

    def _serve(self, client: Client) -> None:
        self._hear(client, wire.listen(client.wire))
        self._clients.part_with(client)
        if engine := self._engine:
            for key in list(client.open):
                engine.cancel(client.name(key))

    def _hear(self, client: Client, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            if (engine := self._engine) is None:
                break
            if "submit" in message:
                request = wire.load_request(message["submit"])
                client.open.add(request.id)
                engine.submit(replace(request, id=client.name(request.id)))
            elif "cancel" in message:
                engine.cancel(client.name(message["cancel"]))
            elif "forget" in message:
                if isinstance(engine, Forgetful):
                    engine.forget(message["forget"])
            else:
                self._closing.set()

    def _beat(self) -> None:
        while not self._closing.wait(wire.BEAT_SECONDS):
            since = self._stepping_since
            if since is None or monotonic() - since < STUCK_SECONDS:
                engine = self._engine
                self._clients.beat(asdict(engine.stats()) if isinstance(engine, Measured) else None)


def leave() -> Never:
    """End now, with every process the engine started: nobody is left to hear an orderly goodbye."""
    sys.stderr.flush()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _leave_loudly(args: threading.ExceptHookArgs) -> None:
    threading.__excepthook__(args)
    leave()


def _wire() -> socket:
    """What came as standard input. No library shall read from it, nor a process that one starts keep it open."""
    end = socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # standard output is the program's own
    return end


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    threading.excepthook = _leave_loudly
    child = Child(_wire())
    try:
        child.run()
    except EngineLoadFailed as error:
        child.fail(error)
    except Exception:
        traceback.print_exc()
    leave()


if __name__ == "__main__":
    main()
