"""Everything that is kept, and the key that opens it, into one encrypted file; and from there to another machine.

The file has JSON lines, compressed and sealed (`sealed.py`): what it is, one Redis command a line (`commands.py`), and
how many there were.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from redis.exceptions import RedisError

from bot.backup.commands import MADE, Command, all_names, commands, is_carried
from bot.backup.sealed import BackupTooNew, CannotOpen, Lock, NotABackup, Reader, Writer, read_header
from bot.core.errors import CompanionError
from bot.core.files import keep_names, make_once
from bot.core.presence import Presence
from bot.core.settings import Settings
from bot.core.store import ROOT, SURFACES, Store
from bot.core.texts import tell
from bot.core.vault import KEY_CHECK, Vault, key_file, master_key

__all__ = ["Backup", "BackupTooNew", "CannotOpen", "CannotRestore", "CannotWrite", "NotABackup", "refuse", "save"]

_VERSION = 1
_BUFFER_BYTES = 1 << 20
_NUM_BATCH, _BATCH_BYTES = 1000, 4 << 20
_UNFINISHED = b"a restore has begun here"
_OF_ANY_START = {KEY_CHECK.encode(), SURFACES.encode()}


class CannotWrite(CompanionError):
    """The backup could not be written."""


class CannotRestore(CompanionError):
    """Something here would be in the way of what the backup holds."""


def save(store: Store, master: bytes, passphrase: str, file: Path, *, replace: bool) -> int:
    """Write a backup, whole or not at all; gives its size in bytes."""
    with _new_file(file, replace=replace) as out:
        sealed = Writer(out, Lock.new(passphrase))
        with gzip.GzipFile(fileobj=sealed, mode="wb", compresslevel=1, mtime=0) as lines:
            for line in _lines(store, master):
                lines.write(json.dumps(line).encode() + b"\n")
        sealed.finish()
        return out.tell()


def _lines(store: Store, master: bytes) -> Iterator[Any]:
    yield {"v": _VERSION, "at": time.time(), "memory_key": _text(master)}
    num = 0
    for command in commands(store):
        yield [_text(part) for part in command]
        num += 1
    yield {"commands": num}


@dataclass(frozen=True, slots=True)
class Contents:
    """`at` is when it was begun, in seconds; `num_commands` were needed to make everything again."""

    at: float
    master: bytes
    num_commands: int


class Backup:
    """A backup that exists. Use as a context manager; raises `NotABackup`, `BackupTooNew` or `CannotOpen`."""

    def __init__(self, file: Path, passphrase: str) -> None:
        try:
            self._file: IO[bytes] = file.open("rb")
        except OSError as problem:
            raise CompanionError(tell("backup-cannot-read", file=str(file), problem=problem.strerror or "?")) from None
        try:
            self._lock = Lock.of(read_header(self._file), passphrase)
        except BaseException:
            self._file.close()
            raise

    def check(self) -> Contents:
        """Read all of it, to the last byte: what passes can be restored."""
        lines = self._lines()
        head: Any = next(lines, {})
        if not isinstance(head, dict) or head.get("v", 0) > _VERSION:
            raise BackupTooNew
        num, last = 0, None
        for last in lines:
            if isinstance(last, list):
                num += _refuse_unknown(_command(last))
        if last != {"commands": num}:
            raise CannotOpen
        return Contents(head["at"], base64.b64decode(head["memory_key"]), num)

    def restore(self, store: Store, settings: Settings, contents: Contents) -> None:
        """Put everything in the place of what is here. Until it is done, a start is refused as with a wrong memory key."""
        try:
            store.redis.set(KEY_CHECK, _UNFINISHED)
            if settings.memory_key is None:  # before anything starts here and makes another
                make_once(key_file(settings), _text(contents.master) + "\n")
            _erase(store)
            _run(store, (_command(line) for line in self._lines() if isinstance(line, list)))
        except RedisError as problem:
            raise CannotRestore(tell("restore-partly", problem=str(problem))) from None
        store.redis.delete(KEY_CHECK)
        Vault(store, contents.master).check()

    def _lines(self) -> Iterator[Any]:
        sealed = io.BufferedReader(Reader(self._file, self._lock), _BUFFER_BYTES)
        try:
            with gzip.GzipFile(fileobj=sealed) as lines:
                yield from map(json.loads, lines)
        except (EOFError, gzip.BadGzipFile, zlib.error, ValueError):
            raise CannotOpen from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def refuse(store: Store, settings: Settings, contents: Contents, *, replace: bool, force: bool) -> None:
    """Raises `CannotRestore`, with what to do, when something here is in the way."""
    alive = Presence(store).workers()
    if alive and not force:
        raise CannotRestore(tell("restore-workers", count=len(alive)))
    _refuse_another_key(settings, contents.master)
    if not replace and store.redis.get(KEY_CHECK) == _UNFINISHED:
        raise CannotRestore(tell("restore-interrupted"))
    if not replace and any(map(_is_in_use, all_names(store.redis))):
        raise CannotRestore(tell("restore-in-use"))


def _is_in_use(name: bytes) -> bool:
    """Whether it tells that people were here; a start alone leaves its surface and an empty outbox."""
    return is_carried(name) and name not in _OF_ANY_START and not name.endswith(b"}:outbox")


def _refuse_another_key(settings: Settings, master: bytes) -> None:
    file = key_file(settings)
    if settings.memory_key is None and not file.exists():
        return
    if master_key(settings) == master:
        return
    what = "restore-other-file" if settings.memory_key is None else "restore-other-setting"
    raise CannotRestore(tell(what, file=str(file)))


def _erase(store: Store) -> None:
    """Everything that a backup would carry, and the conversations' places in the line."""
    batch: list[bytes] = []
    for name in all_names(store.redis):
        if is_carried(name) or name.startswith(f"{ROOT}:{{".encode()):
            batch.append(name)
        if len(batch) >= _NUM_BATCH:
            store.redis.unlink(*batch)
            batch.clear()
    if batch:
        store.redis.unlink(*batch)


def _run(store: Store, found: Iterator[Command]) -> None:
    pipe: Any = store.redis.pipeline(transaction=False)
    size = 0
    for command in found:
        pipe.execute_command(*command)
        size += sum(map(len, command))
        if size >= _BATCH_BYTES or len(pipe) >= _NUM_BATCH:
            pipe.execute()
            size = 0
    pipe.execute()


def _command(line: list[str]) -> Command:
    return [base64.b64decode(part) for part in line]


def _refuse_unknown(command: Command) -> int:
    """One that this version would not have written is a newer one's; gives 1, for counting."""
    if command[0] not in MADE:
        raise BackupTooNew
    return 1


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextmanager
def _new_file(file: Path, *, replace: bool) -> Iterator[IO[bytes]]:
    """A file of mode 0600 that is there, whole and on disk, when this ends well, and not there when it does not."""
    refuse_existing(file, replace=replace)
    draft = None
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        refuse_existing(file, replace=replace)
        os.replace(draft, file)
        keep_names(file.parent)
    except OSError as problem:
        raise CannotWrite(tell("backup-cannot-write", file=str(file), problem=problem.strerror or "?")) from None
    finally:
        if draft is not None and os.path.exists(draft):
            os.unlink(draft)


def refuse_existing(file: Path, *, replace: bool) -> None:
    if file.exists() and not replace:
        raise CannotWrite(tell("backup-exists", file=str(file)))
