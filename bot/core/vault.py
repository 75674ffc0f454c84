"""Encryption at rest. Every person has a data key, wrapped by the master key that Redis never sees.

AES-256-GCM (NIST SP 800-38D) seals what was said; AES key wrap (RFC 3394) protects the data keys, so erasing one
data key erases the person wherever copies of the sealed text may be.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from bot.core.errors import CompanionError, SettingsError, WrongKey
from bot.core.files import make_once
from bot.core.messages import Conversation
from bot.core.settings import Settings
from bot.core.store import ERASED, ROOT, Keys, Store
from bot.core.texts import tell

_KEY_BYTES, _NONCE_BYTES = 32, 12
KEY_CHECK = f"{ROOT}:memory-key-check"
"""Stands for the master key without telling it; every start compares."""


class Forgotten(CompanionError):
    """What was sealed cannot be opened any more: the person's key was erased."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One person's data key. `place` binds a text to where it stands, so that it opens nowhere else."""

    cipher: AESGCM

    def close(self, text: bytes, place: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, text, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises `Forgotten` when this key did not seal it, or there is nothing left to open."""
        if len(sealed) < _NONCE_BYTES:
            raise Forgotten
        try:
            return self.cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag:
            raise Forgotten from None


class Vault:
    """Finds or makes the data key of a person. Keys are read anew each time: an erased one is gone everywhere at once."""

    def __init__(self, store: Store, master: bytes) -> None:
        self._redis, self._master = store.redis, master

    def check(self) -> None:
        """Raises `WrongKey` when this Redis was written with another master key; the first start leaves the mark."""
        mark = hmac.digest(self._master, b"companion memory key", hashlib.sha256)
        self._redis.set(KEY_CHECK, mark, nx=True)
        known: Any = self._redis.get(KEY_CHECK)
        if not hmac.compare_digest(known, mark):
            raise WrongKey

    def seal(self, conversation: Conversation) -> Seal:
        """The person's key, made where there is none: for whoever is about to write."""
        if (seal := self.find_all([conversation])[0]) is None:
            self._redis.set(_name(conversation), aes_key_wrap(self._master, os.urandom(_KEY_BYTES)), nx=True)
            seal = self.find(conversation)
        return seal

    def find(self, conversation: Conversation) -> Seal:
        """The person's key, for whoever only reads; raises `Forgotten` where there is none."""
        if (seal := self.find_all([conversation])[0]) is None:
            raise Forgotten
        return seal

    def find_all(self, conversations: Sequence[Conversation]) -> list[Seal | None]:
        """Those of several people of one surface at once; None where there is none."""
        found: Any = self._redis.mget([_name(conversation) for conversation in conversations])
        return [None if wrapped is None else self._unwrap(wrapped) for wrapped in found]

    def _unwrap(self, wrapped: bytes) -> Seal:
        try:
            return Seal(AESGCM(aes_key_unwrap(self._master, wrapped)))
        except InvalidUnwrap:
            raise WrongKey from None

    def pseudonym(self, conversation: Conversation) -> str:
        """A conversation's name in logs: always the same, and nobody without the master key can tell whose it is."""
        return self._name_for_logs(str(conversation))

    def trace(self, conversation: Conversation, update_id: str) -> str:
        """What follows one message through the logs of all processes; the same wherever it is asked for."""
        return self._name_for_logs(f"{conversation}\n{update_id}")

    def _name_for_logs(self, what: str) -> str:
        return hashlib.blake2b(what.encode(), key=self._master, digest_size=6, person=b"companion logs").hexdigest()

    def erase(self, conversation: Conversation) -> None:
        if self._redis.delete(_name(conversation)):
            self._redis.set(ERASED, "1")


def _name(conversation: Conversation) -> str:
    return Keys(conversation.surface).of_person(conversation.person, "key")


def was_used(store: Store) -> bool:
    """Whether this Redis was written with a master key before, whichever it was."""
    return bool(store.redis.exists(KEY_CHECK))


def master_key(settings: Settings) -> bytes:
    """The 32 bytes of COMPANION_MEMORY_KEY, else of the key file, which the first start makes with mode 0600."""
    if settings.memory_key is not None:
        return _decode(settings.memory_key.get_secret_value(), "COMPANION_MEMORY_KEY")
    file = key_file(settings)
    if not file.exists():
        make_once(file, base64.b64encode(os.urandom(_KEY_BYTES)).decode() + "\n")
    return _decode(file.read_text(errors="replace").strip(), str(file))


def key_file(settings: Settings) -> Path:
    return settings.data_dir / "memory.key"


def _decode(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError(tell("memory-key-form", origin=origin))
    return key
