"""Parts a stream of text into thought and answer, however the stream was cut into chunks.

R1's prompt ends with `<think>`, so its stream begins inside the thought and often only `</think>` is ever seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["thought", "answer"]

OPEN, CLOSE = "<think>", "</think>"
_TAG = re.compile(f"({OPEN}|{CLOSE})")
# Spaces, and signs that show nothing: joiners, marks of direction, byte order marks. Platforms refuse messages of these alone.
_BLANK = re.compile("[\\s\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of one kind, never empty."""

    kind: Kind
    text: str


class ThinkSplitter:
    """Feed it text as it comes; tags never come out, plain text is never held back.

    `inside` says whether the prompt has opened a thought already. What shows nothing before the first words of the thought
    and of the answer is trimmed, so an empty thought gives no piece at all.
    """

    def __init__(self, inside: bool) -> None:
        self.thinking = inside
        self._held = ""
        self._begun: set[Kind] = set()

    def feed(self, chunk: str) -> list[Piece]:
        *parts, last = _TAG.split(self._held + chunk)
        end = end_of_plain(last)
        self._held = last[end:]
        return list(self._pieces([*parts, last[:end]]))

    def finish(self) -> list[Piece]:
        """What was held back as the beginning of a tag that never came."""
        held, self._held = self._held, ""
        return list(self._pieces([held]))

    def _pieces(self, parts: Iterable[str]) -> Iterable[Piece]:
        for part in parts:
            if part in (OPEN, CLOSE):
                self.thinking = part == OPEN
            elif text := self._trim(part):
                self._begun.add(self._kind)
                yield Piece(self._kind, text)

    def _trim(self, text: str) -> str:
        return text if self._kind in self._begun else _BLANK.sub("", text, count=1)

    @property
    def _kind(self) -> Kind:
        return "thought" if self.thinking else "answer"


def end_of_plain(text: str) -> int:
    """Where a tag may be beginning at the end of `text`; its length if none is."""
    start = text.rfind("<", -len(CLOSE))
    is_tag = start >= 0 and (OPEN.startswith(text[start:]) or CLOSE.startswith(text[start:]))
    return start if is_tag else len(text)
