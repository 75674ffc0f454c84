"""Where a long text is best cut: where a reader would pause, and never inside what is one character to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import regex

_LEAST_FILL = 0.5
_SENTENCE = r"(?=\s)(?<=[.!?…][\"'”’»)\]]*)\s+|[。！？…]+[”’」』）]*"
"""Seen from the space behind it: from its first sign on, a line of nothing but dots would be read anew at every dot."""
_PAUSES = tuple(map(regex.compile, (r"\n\s*\n", r"\n", _SENTENCE, r"\s+")))
_CHARACTER = regex.compile(r"\X")


def best_cut(text: str, start: int, most: int, may_cut: Callable[[int], bool] = lambda _: True) -> int:
    """The end of a part that begins at `start` and reaches to `most` at most. `may_cut` knows places that would be wrong."""
    good = (end for end in _pauses(text, start, most) if _is_between_characters(text, end) and may_cut(end))
    return next(good, 0) or _character(text, start, most, may_cut)


def _pauses(text: str, start: int, most: int) -> Iterator[int]:
    """The last places to pause, the best kind first, if they leave no message half empty."""
    least = start + int((most - start) * _LEAST_FILL)
    for pause in _PAUSES:
        found = [match.end() for match in pause.finditer(text, start, most) if match.end() > least]
        yield from reversed(found)


def _is_between_characters(text: str, place: int) -> bool:
    """A space and a combining accent behind it are one character."""
    match = _CHARACTER.match(text, place - 1)
    return match is None or match.end() == place


def _character(text: str, start: int, most: int, may_cut: Callable[[int], bool]) -> int:
    """The last place between two characters; if a single one is longer than a message, it is cut after all."""
    window = text[start : most + 64]  # alone: of flags, the library looks back to the first of all for each
    ends = [end for match in _CHARACTER.finditer(window) if (end := start + match.end()) <= most]
    return next(filter(may_cut, reversed(ends)), 0) or max(ends, default=max(most, start + 1))
