"""A worker may have several processes: one interpreter cannot keep a quick GPU busy. They share the slots and one engine.

The first keeps the engine, and starts the others, its siblings, beside itself once there is one. They find it at a socket in a
private folder. When the first dies, however, they are gone with it; when one of them dies, it is started again.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import AF_UNIX, socket

from bot.core.errors import CompanionError
from bot.core.settings import Settings
from workers.texts import language, say

SLOTS_PER_PROCESS = 64
NUMBERS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which several processes count together; prometheus_client asks for it when it is loaded."""


class NoDoor(CompanionError):
    """The socket at which the processes of a worker find their engine cannot be made."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which process of which worker this is: one of `num`, in `folder` if there are several. The first has number 0."""

    worker: str
    number: int = 0
    num: int = 1
    folder: Path | None = None

    @classmethod
    def load(cls, text: str) -> Place:
        worker, number, num, folder = json.loads(text)
        return cls(worker, number, num, Path(folder))

    def dump(self) -> str:
        return json.dumps([self.worker, self.number, self.num, str(self.folder)])

    def sibling(self, number: int) -> Place:
        return replace(self, number=number)

    @property
    def keeper(self) -> Path | None:
        """The address of the engine, where another process keeps it."""
        return self.folder / "engine" if self.folder and self.number else None

    def share(self, slots: int) -> int:
        """This process's part of them."""
        return slots // self.num + (self.number < slots % self.num)


def num_processes(settings: Settings) -> int:
    """What the settings say; else one for every so many slots, but no more than there are cores."""
    wanted = settings.worker_processes or min(settings.slots // SLOTS_PER_PROCESS, _num_cores())
    return max(1, min(wanted, settings.slots))


@contextmanager
def first_place(settings: Settings) -> Iterator[tuple[Place, socket | None]]:
    """That of the process which keeps the engine, with the door of the engine for the others; raises `NoDoor`.

    To be entered before `bot.core.metrics` is loaded: what several processes count is added up.
    """
    worker, num = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}", num_processes(settings)
    if num == 1:
        yield Place(worker), None
        return
    with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as folder:
        if settings.metrics_port is not None:
            os.environ[NUMBERS] = folder
        with _door(Path(folder) / "engine") as door:
            yield Place(worker, 0, num, Path(folder)), door


def _door(address: Path) -> socket:
    door = socket(AF_UNIX)
    try:
        door.bind(str(address))
        door.listen(128)
    except OSError as problem:
        door.close()
        raise NoDoor(say(language(), "no-door", address=str(address), problem=problem.strerror or str(problem))) from None
    return door


def end_with_keeper(place: Place) -> None:
    """To be run on a thread of a sibling: end at once when standard input does, for then there is no engine any more."""
    while os.read(0, 1024):
        pass
    if place.folder:
        shutil.rmtree(place.folder, ignore_errors=True)
    os._exit(1)


def _num_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
