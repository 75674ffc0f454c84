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
from threading import Thread

from bot.core.errors import CompanionError
from bot.core.settings import Settings
from workers.texts import language, say

SLOTS_PER_PROCESS, MAX_PROCESSES = 32, 8
"""With eight an H200 that makes 256 replies at once is kept busy, each of them an eighth of a core (bench/NOTES.md)."""
ENGINE = "engine"
"""The name of the socket."""
NUMBERS = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which several processes count together; prometheus_client asks for it when it is loaded."""


class NoDoor(CompanionError):
    """The socket at which the processes of a worker find their engine cannot be made."""

    @classmethod
    def at(cls, place: str, problem: OSError) -> NoDoor:
        return cls(say(language(), "no-door", address=place, problem=problem.strerror or str(problem)))


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
    def name(self) -> str:
        """In logs, where there are several to be told from each other."""
        return f"worker-{self.number}" if self.num > 1 else ""

    @property
    def keeper(self) -> Path | None:
        """The address of the engine, where another process keeps it."""
        return self.folder / ENGINE if self.folder and self.number else None

    def share(self, slots: int) -> int:
        """This process's part of them."""
        return slots // self.num + (self.number < slots % self.num)


def num_processes(settings: Settings) -> int:
    """What the settings say; else one for every so many slots, but not too many, and no more than there are cores."""
    wanted = settings.worker_processes or min(settings.slots // SLOTS_PER_PROCESS, MAX_PROCESSES, _num_cores())
    return max(1, min(wanted, settings.slots))


@contextmanager
def take_place(settings: Settings, given: str | None) -> Iterator[tuple[Place, socket | None]]:
    """The place that the first process has given to this one; else that of a first, with the door at which others come in.

    To be taken before `bot.core.metrics` is loaded: what several processes count is added up. Raises `NoDoor`.
    """
    if given:
        place = Place.load(given)
        Thread(target=_end_with_keeper, args=(place,), daemon=True).start()
        yield place, None
        return
    first = Place(f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}", num=num_processes(settings))
    if first.num == 1:
        yield first, None
        return
    with _folder() as folder, _door(folder / ENGINE) as door:
        if settings.metrics_port is not None:
            os.environ[NUMBERS] = str(folder)
        yield replace(first, folder=folder), door


@contextmanager
def _folder() -> Iterator[Path]:
    """For this user alone, and gone at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="companion-"))
    except OSError as problem:
        raise NoDoor.at(os.environ.get("TMPDIR", "TMPDIR"), problem) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _door(address: Path) -> socket:
    door = socket(AF_UNIX)
    try:
        door.bind(str(address))
        door.listen(128)
    except OSError as problem:
        door.close()
        raise NoDoor.at(str(address), problem) from None
    return door


def _end_with_keeper(place: Place) -> None:
    """End at once when standard input does: without the first process there is no engine any more."""
    while os.read(0, 1024):
        pass
    if place.folder:
        shutil.rmtree(place.folder, ignore_errors=True)
    os._exit(1)


def _num_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
