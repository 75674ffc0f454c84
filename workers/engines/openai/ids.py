"""Ids that are text: what a server's tokenizer would make of it, reckoned as four bytes of UTF-8 a token.

They are the echo engine's bytes and marks, and above them an id for each two, three or four bytes in a row. Four bytes are
about a token of English, and of Chinese too; what was really used the server tells at the end of a reply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workers.engines.echo import ASSISTANT, BEGIN, END, END_THINK, SPECIAL, USER
from workers.neutral import Neutral
from workers.thinking import CLOSE, OPEN, end_of_plain

BYTES_A_TOKEN = 4
_plain, _TAG = Neutral((OPEN, CLOSE)), re.compile(f"({OPEN}|{CLOSE})")
_TEXTS = {id: text for text, id in SPECIAL.items()}
_ROLES: dict[int, Literal["user", "assistant"]] = {USER: "user", ASSISTANT: "assistant"}


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a prompt; the servers' word for whose it is."""

    role: Literal["user", "assistant"]
    content: str


def pack(data: bytes) -> tuple[int, ...]:
    """Ids for some bytes; the last one may be of fewer than the others."""
    return tuple(_id(data[start : start + BYTES_A_TOKEN]) for start in range(0, len(data), BYTES_A_TOKEN))


def _id(piece: bytes) -> int:
    # A 1 in front keeps zeros, and lifts two bytes and more above the marks.
    return piece[0] if len(piece) == 1 else int.from_bytes(b"\x01" + piece)


def unpack(id: int) -> bytes:
    """The bytes of an id that is no mark."""
    return bytes([id]) if id < 256 else id.to_bytes(BYTES_A_TOKEN + 1).lstrip(b"\x00")[1:]


def text_of(ids: Sequence[int]) -> str:
    """Bytes as text, without the marks."""
    return b"".join(unpack(id) for id in ids if id not in _TEXTS).decode(errors="replace")


def messages_of(prompt: Sequence[int]) -> tuple[list[Said], str]:
    """The messages of a rendered prompt, and what it has already written of the reply, if anything."""
    said: list[Said] = []
    turn: list[int] = []
    role: Literal["user", "assistant"] | None = None
    for id in prompt:
        if id in (USER, ASSISTANT, END, BEGIN):
            if role:
                said.append(Said(role, text_of(turn)))
            role, turn = _ROLES.get(id), []
        else:
            turn.append(id)
    return said, text_of(turn).strip()


def raw_of(prompt: Sequence[int]) -> str:
    """The prompt as R1's template writes it; without its first mark, which servers put in front themselves."""
    parts = [_TEXTS[id].encode() if id in _TEXTS else unpack(id) for id in prompt if id != BEGIN]
    return b"".join(parts).decode(errors="replace")


class Packer:
    """The text of one reply to ids, however it was cut: up to three bytes wait for those that follow.

    `is_parted` is set where marks alone part thought and answer: a tag in the text is only talked of, and made plain. But a
    model that stumbles begins a second thought, which its server does not part, where the answer would begin.
    """

    def __init__(self) -> None:
        self.is_parted = self._may_begin = self._is_second = False
        self._held, self._tag = b"", ""

    def feed(self, text: str) -> tuple[int, ...]:
        if self.is_parted:
            text = self._tag + text
            end = end_of_plain(text)
            text, self._tag = "".join(map(self._part, _TAG.split(text[:end]))), text[end:]
        data = self._held + text.encode(errors="replace")
        whole = len(data) - len(data) % BYTES_A_TOKEN
        self._held = data[whole:]
        return pack(data[:whole])

    def mark(self, id: int) -> tuple[int, ...]:
        """What waits, then the mark."""
        self._may_begin, self._is_second = id == END_THINK, False
        return (*self.flush(), id)

    def flush(self) -> tuple[int, ...]:
        held = self._held + self._tag.encode()
        self._held, self._tag = b"", ""
        return pack(held)

    def _part(self, part: str) -> str:
        """A tag, or what is between two."""
        if self._may_begin and part == (CLOSE if self._is_second else OPEN):
            self._is_second = not self._is_second
            return part
        self._may_begin = self._may_begin and (self._is_second or not part.strip())
        return _plain(part)
