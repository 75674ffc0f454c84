"""A long text as several messages: cut where a reader would pause, and never inside what is one character to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from bot.adapters.shared.cutting import best_cut
from bot.adapters.telegram.formatting import Mark, Styled

MAX_UNITS, MAX_MARKS = 4096, 100
_KEEPS_SPACE = ("pre", "code")


def split(whole: Styled, max_units: int = MAX_UNITS, max_marks: int = MAX_MARKS) -> list[Styled]:
    """Messages that Telegram takes. A mark over a cut is closed and opened again, so each part stands for itself."""
    return list(_Splitter(whole, max_units, max_marks).parts())


class _Splitter:
    """Places are indexes into the text; `units` tells where each stands in UTF-16 units."""

    def __init__(self, whole: Styled, max_units: int, max_marks: int) -> None:
        self._text, self._max_units, self._max_marks = whole.text, max_units, max_marks
        self._marks = sorted(whole.marks, key=lambda mark: (mark.start, -mark.end))
        self._units = [0, *accumulate(2 if ord(char) > 0xFFFF else 1 for char in whole.text)]

    def parts(self) -> Iterator[Styled]:
        start = 0
        while start < len(self._text):
            end = self._end_of_part(start)
            part = self._slice(*self._trim(start, end))
            if part.text.strip():
                yield part
            start = end

    def _end_of_part(self, start: int) -> int:
        most = self._most(start)
        if most == len(self._text):
            return most
        return best_cut(self._text, start, most)

    def _most(self, start: int) -> int:
        """How far a part may reach at most: by its length, and by its marks, which Telegram ignores beyond a number."""
        limit = self._units[start] + self._max_units
        open_marks = [mark for mark in self._marks if mark.end > self._units[start]]
        if len(open_marks) > self._max_marks:
            limit = min(limit, max(open_marks[self._max_marks].start, self._units[start] + 2))
        return self._place(limit)

    def _place(self, units: int) -> int:
        """The last place that is not behind so many units."""
        low, high = 0, len(self._text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._units[middle] <= units else (low, middle - 1)
        return low

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        """Without the space at both ends, which Telegram would drop; that of code is kept where it has a meaning."""
        while end > start and self._text[end - 1].isspace():
            end -= 1
        while start < end and self._text[start].isspace() and not self._is_code(start):
            start += 1
        return start, end

    def _is_code(self, place: int) -> bool:
        units = self._units[place]
        return any(mark.start <= units < mark.end for mark in self._marks if mark.kind in _KEEPS_SPACE)

    def _slice(self, start: int, end: int) -> Styled:
        first, last = self._units[start], self._units[end]
        inside = (mark for mark in self._marks if mark.start < last and mark.end > first)
        marks = (replace(mark, start=max(mark.start, first) - first, end=min(mark.end, last) - first) for mark in inside)
        return Styled(self._text[start:end], tuple(self._whole(marks)))

    def _whole(self, marks: Iterator[Mark]) -> Iterator[Mark]:
        return (mark for mark in marks if mark.start < mark.end)
