"""A long text as several messages. Discord is given Markdown as it is, so each part must stand for itself as Markdown."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import regex

from bot.adapters.shared.cutting import best_cut

MAX_UNITS = 1990
"""Of UTF-16, of which there are never fewer than characters: Discord takes 2,000 and does not say of which."""

_FENCE = "```"
_CLOSE = f"\n{_FENCE}"
_TICKS = regex.compile(r"`{3,}")
_LANGUAGE = regex.compile(r"[\w+.#-]{0,30}\n")
_WHOLE = regex.compile(
    r"<(?:@[!&]?\d+|#\d+|a?:\w+:\d+|t:-?\d+(?::\w)?|/[^<>\n]{1,100}:\d+|id:\w+|https?://[^\s<>]+)>"
    r"|\[[^\[\]\n]{1,300}\]\((?:<[^\s<>]+>|[^()\s]+)\)"
    r"|https?://[^\s<>]+"
    r"|(?<!`)`[^`\n]{1,300}`(?!`)|(?<!`)``(?!`)[^\n]{1,300}?(?<!`)``(?!`)"
)


def split(markdown: str, max_units: int = MAX_UNITS) -> list[str]:
    """Messages that Discord takes, none of them blank. Code over a cut is closed, and opened again in its language."""
    return list(_Splitter(markdown.encode("utf-8", "replace").decode(), max_units).parts())


def closed(markdown: str) -> str:
    """With an end for code that has none, as while it is being written."""
    fences = _fences(markdown)
    return f"{markdown.rstrip()}{_CLOSE}" if fences and fences[-1].is_open else markdown


@dataclass(frozen=True, slots=True)
class _Fence:
    """Code: from `start` to `end` with its ticks; `first` and `last` are where its first and last words begin and end."""

    start: int
    first: int
    last: int
    end: int
    language: str
    is_open: bool

    def is_cut_well(self, place: int) -> bool:
        """Not in its ticks, and not so that a part would have the ticks without any words."""
        return place <= self.start or self.first < place < self.last or place >= self.end

    def holds(self, place: int) -> bool:
        return self.start < place < self.end


class _Splitter:
    """Places are indexes into the text; `units` tells where each stands in UTF-16."""

    def __init__(self, text: str, max_units: int) -> None:
        self._text, self._max_units = closed(text), max_units
        self._units = [0, *accumulate(2 if ord(char) > 0xFFFF else 1 for char in self._text)]
        self._fences = _fences(self._text)
        self._whole = [match.span() for match in _WHOLE.finditer(self._text)]

    def parts(self) -> Iterator[str]:
        start, opened = 0, ""
        while start < len(self._text):
            end = self._end_of_part(start, opened)
            code = next((fence for fence in self._fences if fence.holds(end)), None)
            part = self._text[start:end]
            # Only code keeps the space at its beginning: there it has a meaning.
            part = (part.strip("\n") if opened else part.lstrip("\n")).rstrip() + (_CLOSE if code else "")
            if part.strip():
                yield opened + part
            start, opened = end, f"{_FENCE}{code.language}\n" if code else ""

    def _end_of_part(self, start: int, opened: str) -> int:
        room = self._units[start] + self._max_units - len(opened)
        if self._units[-1] <= room:
            return len(self._text)
        most = bisect_right(self._units, room - len(_CLOSE)) - 1
        return best_cut(self._text, start, most, self._may_cut)

    def _may_cut(self, place: int) -> bool:
        in_whole = any(start < place < end for start, end in self._whole)
        return not in_whole and all(fence.is_cut_well(place) for fence in self._fences)


def _fences(text: str) -> list[_Fence]:
    ticks = list(_TICKS.finditer(text))
    pairs = zip(ticks[::2], [*ticks[1::2], None], strict=False)
    return [_fence(text, opening.span(), closing.span() if closing else None) for opening, closing in pairs]


def _fence(text: str, opening: tuple[int, int], closing: tuple[int, int] | None) -> _Fence:
    start, after = opening
    close, end = closing or (len(text), len(text))
    language = _LANGUAGE.match(text, after, close)
    body = text[language.end() if language else after : close]
    first = close - len(body.lstrip())
    last = close - (len(body) - len(body.rstrip()))
    return _Fence(start, first, last, end, language.group().strip() if language else "", closing is None)
