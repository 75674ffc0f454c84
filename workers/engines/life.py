"""One life of the engine's process, which is ours to start and to end. `process.py` starts the next one when it ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from socket import socket, socketpair
from subprocess import Popen

from workers.engines.base import EngineOptions
from workers.engines.link import Link
from workers.place import NUMBERS


class Life(Link):
    """Starts an engine process. At the `door`, a socket that listens, it also takes in other processes of the worker."""

    def __init__(self, options: EngineOptions, door: socket | None = None) -> None:
        ours, theirs = socketpair()
        with theirs:
            self._process = Popen(
                [sys.executable, "-P", "-m", "workers.engines.child"],
                stdin=theirs.fileno(),
                pass_fds=[door.fileno()] if door else [],
                env=_environment(),
                # Ctrl-C in the terminal is for the worker, which then decides when the engine ends.
                start_new_session=True,
            )
        super().__init__(ours)
        self.pid = self._process.pid
        self.send({"options": asdict(options), "door": door and door.fileno()})

    def ask_to_close(self) -> None:
        self.send({"close": True})

    def kill(self) -> None:
        """End the process and all that it started; works on a stopped one too."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()

    def bury(self) -> None:
        super().bury()
        self.kill()
        self._process.wait()


def _environment() -> dict[str, str]:
    """Ours, but for the folder of our numbers: vLLM would write its own there."""
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if name != NUMBERS}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
