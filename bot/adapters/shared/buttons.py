"""Buttons that work after a restart: what they do stands in their data, signed, and bound to a person and a chat."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.adapters.shared.sending import Key, Rows
from bot.commands import Choice
from bot.core.messages import Conversation
from bot.surface import Reply

Deed = Literal["again", "on", "variant", "stop", "command", "kept"]
"""`command` has it in its data, `kept` is one that was too long for that."""

_LETTERS: dict[Deed, str] = {"again": "a", "on": "o", "variant": "v", "stop": "s", "command": "c", "kept": "k"}
_DEEDS = {letter: deed for deed, letter in _LETTERS.items()}
MAX_BYTES = 64
"""What Telegram takes; others take more."""
_SIGN_BYTES, _TURN_BYTES, _KEPT_BYTES = 9, 6, 9
_PER_ROW = 3
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Press:
    """What a button says: `what` is a turn's mark, with the number of a variant, or a command or where it is kept."""

    deed: Deed
    person: str
    what: str = ""

    @property
    def mark(self) -> str:
        return self.what.partition("/")[0]

    @property
    def variant(self) -> int:
        return int(self.what.partition("/")[2] or 0)


class Buttons:
    """`keep` stores a command that does not fit, under an id."""

    def __init__(self, token: str, keep: Callable[[str, str], None]) -> None:
        self._key, self._keep = hashlib.blake2b(token.encode(), person=b"buttons").digest(), keep

    def under_reply(self, conversation: Conversation, reply: Reply) -> Rows:
        """Leaf through the answers, another one, go on. Failures and notices have none."""
        if not reply.text or not reply.turn:
            return ()
        mark = mark_of(reply.turn)
        leaf = self._leaf(conversation, mark, reply.variant, reply.num_variants)
        last = (self._key_of(conversation, "↻", "again", mark), self._key_of(conversation, "…", "on", mark))
        return (leaf, last) if leaf else (last,)

    def while_writing(self, conversation: Conversation) -> Rows:
        return ((self._key_of(conversation, "⏹", "stop"),),)

    def for_choices(self, conversation: Conversation, choices: tuple[Choice, ...]) -> Rows:
        keys = tuple(self._choice(conversation, choice) for choice in choices)
        return tuple(keys[at : at + _PER_ROW] for at in range(0, len(keys), _PER_ROW))

    def read(self, data: str, chat: str, thread: str) -> Press | None:
        """None when it is not one of ours, or of another chat, or of another token."""
        signed, _, sign = data.rpartition(".")
        if not hmac.compare_digest(sign.encode(), self._sign(signed, chat, thread).encode()):
            return None
        person, _, what = signed[1:].partition(".")
        return Press(_DEEDS[signed[0]], _long(person), what)

    def _leaf(self, conversation: Conversation, mark: str, variant: int, num_variants: int) -> tuple[Key, ...]:
        beside = {f"◀ {variant - 1}/{num_variants}": variant - 1, f"{variant + 1}/{num_variants} ▶": variant + 1}
        return tuple(
            self._key_of(conversation, label, "variant", f"{mark}/{other}")
            for label, other in beside.items()
            if 1 <= other <= num_variants
        )

    def _choice(self, conversation: Conversation, choice: Choice) -> Key:
        key = self._key_of(conversation, choice.label, "command", choice.command)
        if len(key.data.encode()) <= MAX_BYTES:
            return key
        id = secrets.token_urlsafe(_KEPT_BYTES)
        self._keep(id, choice.command)
        return self._key_of(conversation, choice.label, "kept", id)

    def _key_of(self, conversation: Conversation, label: str, deed: Deed, what: str = "") -> Key:
        signed = f"{_LETTERS[deed]}{_short(conversation.person)}.{what}"
        return Key(label, f"{signed}.{self._sign(signed, conversation.chat, conversation.thread)}")

    def _sign(self, signed: str, chat: str, thread: str) -> str:
        text = "\n".join((signed, chat, thread)).encode()
        return urlsafe_b64encode(hmac.digest(self._key, text, hashlib.sha256)[:_SIGN_BYTES]).decode()


def mark_of(turn: str) -> str:
    """Enough of a turn's id to know it again."""
    return urlsafe_b64encode(hashlib.blake2b(turn.encode(), digest_size=_TURN_BYTES).digest()).decode()


def _short(person: str) -> str:
    """Numbers, as most platforms name people, in fewer letters."""
    return _base36(int(person)) if person.isdecimal() else person


def _long(person: str) -> str:
    return str(int(person, 36)) if person.isalnum() else person


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
