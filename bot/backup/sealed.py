"""A file that only its passphrase opens, written and read piece by piece, so that it may be larger than memory.

The key comes from scrypt (RFC 7914). The content is cut into chunks, each sealed with AES-256-GCM under a nonce that
counts and says which chunk is the last: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015). A chunk that was changed, moved, left out
or cut off does not open. The header is bound to every chunk.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass, field
from typing import IO, Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bot.core.errors import CompanionError

_MAGIC, _VERSION = b"companion backup", 1
_HEADER = struct.Struct(">16sBBBB16s7s")
"""Magic, version, scrypt's log2 n, r and p, salt, the nonces' common beginning."""
_LOG_N, _R, _P = 17, 8, 1
_MAX_LOG_N, _MAX_R, _MAX_P = 18, 8, 4  # 256 MiB: a file from a stranger cannot ask for more
_SALT_BYTES, _PREFIX_BYTES, _TAG_BYTES = 16, 7, 16
_CHUNK_BYTES = 1 << 20


class NotABackup(CompanionError):
    """Another kind of file."""

    key = "backup-not-one"


class BackupTooNew(CompanionError):
    """A newer Companion made it."""

    key = "backup-too-new"


class CannotOpen(CompanionError):
    """The passphrase is wrong, or the backup is damaged or cut short: nobody can tell which."""

    key = "backup-cannot-open"


@dataclass(frozen=True, slots=True)
class Lock:
    """What seals the chunks of one file, and the header that lets the passphrase make it again."""

    header: bytes
    prefix: bytes
    cipher: AESGCM = field(repr=False)

    @classmethod
    def new(cls, passphrase: str) -> Self:
        salt, prefix = os.urandom(_SALT_BYTES), os.urandom(_PREFIX_BYTES)
        return cls.of(_HEADER.pack(_MAGIC, _VERSION, _LOG_N, _R, _P, salt, prefix), passphrase)

    @classmethod
    def of(cls, header: bytes, passphrase: str) -> Self:
        """The lock of a file that begins with `header`."""
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise NotABackup
        _, version, log_n, r, p, salt, prefix = _HEADER.unpack(header)
        if version > _VERSION:
            raise BackupTooNew
        if not (0 < log_n <= _MAX_LOG_N and 0 < r <= _MAX_R and 0 < p <= _MAX_P):
            raise CannotOpen
        return cls(header, prefix, _cipher(passphrase, salt, log_n, r, p))

    def close(self, chunk: bytes, number: int, *, is_last: bool) -> bytes:
        return self.cipher.encrypt(self._nonce(number, is_last), chunk, self.header)

    def open(self, sealed: bytes, number: int, *, is_last: bool) -> bytes:
        try:
            return self.cipher.decrypt(self._nonce(number, is_last), sealed, self.header)
        except InvalidTag:
            raise CannotOpen from None

    def _nonce(self, number: int, is_last: bool) -> bytes:
        return self.prefix + number.to_bytes(4, "big") + bytes([is_last])


class Writer(io.RawIOBase):
    """Takes what is to be sealed. Without `finish` the file does not open."""

    def __init__(self, file: IO[bytes], lock: Lock) -> None:
        self._file, self._lock = file, lock
        self._waiting, self._number = bytearray(), 0
        file.write(lock.header)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        while len(self._waiting) > _CHUNK_BYTES:  # a full one may still be the last
            self._put(bytes(self._waiting[:_CHUNK_BYTES]), is_last=False)
            del self._waiting[:_CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        self._put(bytes(self._waiting), is_last=True)

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        self._file.write(self._lock.close(chunk, self._number, is_last=is_last))
        self._number += 1


class Reader(io.RawIOBase):
    """Gives what was sealed, from the beginning; raises `CannotOpen` at the first chunk that is not as it was."""

    def __init__(self, file: IO[bytes], lock: Lock) -> None:
        file.seek(_HEADER.size)
        self._file, self._lock = file, lock
        self._open, self._number, self._is_done = b"", 0, False
        self._ahead = self._read_chunk()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._open and not self._is_done:
            self._open = self._next()
        num = min(len(buffer), len(self._open))
        buffer[:num], self._open = self._open[:num], self._open[num:]
        return num

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._read_chunk()
        self._is_done = not self._ahead
        chunk = self._lock.open(sealed, self._number, is_last=self._is_done)
        self._number += 1
        return chunk

    def _read_chunk(self) -> bytes:
        return self._file.read(_CHUNK_BYTES + _TAG_BYTES)


def read_header(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_HEADER.size)


def _cipher(passphrase: str, salt: bytes, log_n: int, r: int, p: int) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=1 << log_n, r=r, p=p).derive(passphrase.encode()))
