"""`model pull`: fetch a model from a hub, prove that it is what was published, and say what to set."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from workers.checkpoints import catalog, hashes, quantised
from workers.checkpoints.check import check, is_well
from workers.checkpoints.files import quoted, show_bytes
from workers.checkpoints.findings import Defect
from workers.checkpoints.local import id_of, is_id, local
from workers.checkpoints.meter import Meter, Screen
from workers.checkpoints.wanted import File, choose

if TYPE_CHECKING:
    from workers.checkpoints.hub import Hub
    from workers.checkpoints.shelf import Shelf

_LOCK_SECONDS = 0.2
_INTERRUPTED = 130


def print_pull(name: str, mirror: str, revision: str | None, to: Path | None, language: str) -> int:
    """Gives the exit status."""
    screen = Screen(language)
    try:
        with _ending_when_interrupted(screen, _typed(name, mirror, revision, to)):
            folder = pull(name, screen, mirror, revision, to)
    except Defect as defect:
        screen.line(str(defect.in_file(name).as_check(language)))
        return 1
    findings = check(folder)
    for finding in findings:
        screen.line(str(finding.as_check(language)))
    if is_well(findings):
        # In the cache its name is enough, as long as it is the newest revision.
        screen.say("pull-set", model=quoted(folder) if to or revision else name)
    else:
        screen.say("pull-unfit", folder=quoted(folder))
    print(folder, flush=True)
    return 0 if is_well(findings) else 1


@contextmanager
def _ending_when_interrupted(screen: Screen, again: str) -> Iterator[None]:
    """Not by an exception: where one is raised in a callback or a destructor, Python drops it, and the pull went on."""

    def end() -> None:
        screen.say("pull-interrupted", again=again)
        # Threads that wait for the net would hold the end up; what they have written is on the disk.
        os._exit(_INTERRUPTED)

    # On a thread, as whoever was interrupted may hold the screen.
    before = signal.signal(signal.SIGINT, lambda *_: Thread(target=end).start())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def pull(name: str, screen: Screen, mirror: str = "", revision: str | None = None, to: Path | None = None) -> Path:
    """The folder where the model now is, each file as it was published, or of `owner/model:Q8_0` the file; raises `Defect`."""
    if not is_id(name):
        raise Defect("pull-bad-name", names=", ".join(catalog.models()))
    model, kind = quantised.split(id_of(name))
    try:
        from huggingface_hub import constants

        from workers.checkpoints.hub import Hub
        from workers.checkpoints.trouble import FAILURES
    except ImportError as problem:
        raise Defect("pull-no-library") from problem
    if constants.is_offline_mode():
        return _here(id_of(name), revision, to, screen)
    hub = Hub(model, mirror, screen)
    try:
        folder = _fetch(hub, kind, revision, to, screen)
    except FAILURES as problem:
        raise hub.explain(problem) from problem
    return (quantised.find(folder, kind) if kind else None) or folder


def _fetch(hub: Hub, kind: str, revision: str | None, to: Path | None, screen: Screen) -> Path:
    from workers.checkpoints.fetch import fetch
    from workers.checkpoints.shelf import Cache, Folder

    screen.say("pull-asks", hub=hub.shown, model=hub.model)
    listing = hub.listing(revision)
    files = choose(listing.files, hub.model, kind)
    shelf = Folder(hub.model, to) if to else Cache(hub.model)
    with _alone(shelf, screen):
        missing = [file for file in files if not shelf.has(file, listing)]
        meter = _start(missing, files, shelf, screen)
        hub.place(listing, [file for file in files if not file.is_large], shelf.folder)
        meter.add(sum(file.size for file in missing if not file.is_large))
        fetch(hub, listing, shelf, [file for file in missing if file.is_large], meter)
        if missing:
            meter.end()
        folder = hub.place(listing, files, shelf.folder)
        _prove(folder, files)
    return folder


@contextmanager
def _alone(shelf: Shelf, screen: Screen) -> Iterator[None]:
    """One pull of a model into a place at a time; the other waits and then finds everything there."""
    from filelock import Timeout
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    shelf.lock.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(WeakFileLock(shelf.lock, timeout=_LOCK_SECONDS))
        except Timeout:
            screen.say("pull-waits", folder=str(shelf.disk))
            held.enter_context(WeakFileLock(shelf.lock))
        yield


def _start(missing: list[File], files: list[File], shelf: Shelf, screen: Screen) -> Meter:
    """Refuses before the first byte what the disk cannot hold."""
    from workers.checkpoints.shelf import fetched, room

    total, lacking = (sum(file.size for file in some) for some in (files, missing))
    parts = sum(fetched(shelf, file) for file in missing if file.is_large)
    free = shutil.disk_usage(room(shelf)).free
    if lacking - parts > free:
        raise Defect("pull-disk-full", needed=show_bytes(lacking - parts), free=show_bytes(free), folder=quoted(shelf.disk))
    have = total - lacking + parts
    what = "pull-goes-on" if have and missing else "pull-begins" if missing else "pull-all-there"
    screen.say(what, files=len(files), total=show_bytes(total), have=show_bytes(have), folder=str(shelf.disk))
    return Meter(screen, total, have)


def _prove(folder: Path, files: list[File]) -> None:
    """The small ones; the large ones were not let in without their hash."""
    for file in files:
        there = folder / file.name
        if not there.is_file() or there.stat().st_size != file.size:
            raise Defect("pull-size-differs", file=file.name, want=show_bytes(file.size))
        if not file.is_large and file.hash and (have := hashes.digest(there, file.hash)) != file.hash:
            there.resolve().unlink()
            raise Defect("pull-hash-differs", file=file.name, want=file.hash, have=have)


def _here(model: str, revision: str | None, to: Path | None, screen: Screen) -> Path:
    """Offline: what is on this machine, whole or not; the check that follows says what it lacks."""
    screen.say("pull-offline", model=model)
    if (folder := local(model, revision, to)) is None:
        raise Defect("pull-not-here", model=model)
    return folder


def _typed(name: str, mirror: str, revision: str | None, to: Path | None) -> str:
    options = (("--mirror", mirror), ("--revision", revision), ("--to", to))
    given = [word for option, value in options if value for word in (option, str(value))]
    return shlex.join(["companion", "model", "pull", name, *given])
