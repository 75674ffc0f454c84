"""Sentences put together from parts (the texts of `PARTS`): more of them than can be learnt by heart."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from random import Random

from .values import PARTS, Language, texts

Parts = dict[str, list[str]]

_PART = re.compile(r"<(\w+)>")
_TOKEN = re.compile(r"(<\w+>|\[[^\[\]]*\])")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_OTHER = re.compile(r"[^\w{}]+")


@cache
def parts(language: Language) -> Parts:
    found: Parts = {}
    for name in PARTS:
        for kind, lines in texts(name)[language].items():
            found[kind] = [*found.get(kind, ()), *(lines.splitlines() if isinstance(lines, str) else lines)]
    return found


def grow(language: Language, kind: str, rng: Random) -> str:
    """A sentence of a kind ("traits", "catch_last", ...), its slots open, with a capital where it begins with a word."""
    text = grown(language, kind, rng)
    return text[:1].upper() + text[1:]


def grown(language: Language, kind: str, rng: Random) -> str:
    """The same as it stands."""
    return _grown(parts(language), kind, rng)


def _grown(known: Parts, kind: str, rng: Random) -> str:
    lines = known[kind]
    line = lines[int(rng.random() * len(lines))]
    if "[" in line:
        line = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), line)
    return _PART.sub(lambda found: _grown(known, found[1], rng), line)


def can_grow(language: Language, kind: str, text: str) -> bool:
    """Whether `text` could come out, whatever its case and punctuation."""
    bare = _bare(text)
    return len(bare) in _ends(language, f"<{kind}>", bare, 0)


@lru_cache(maxsize=1 << 16)
def _ends(language: Language, line: str, text: str, start: int) -> frozenset[int]:
    """Where in `text` the line may end that begins at `start`."""
    ends = {start}
    for token in _TOKEN.split(line):
        if part := _PART.fullmatch(token):
            options = parts(language)[part[1]]
        elif choice := _CHOICE.fullmatch(token):
            options = choice[1].split("|")  # which may hold parts
        else:
            bare = _bare(token)
            ends = {at + len(bare) for at in ends if text.startswith(bare, at)}
            continue
        ends = {end for at in ends for option in options for end in _ends(language, option, text, at)}
    return frozenset(ends)


def _bare(text: str) -> str:
    return _OTHER.sub("", text.lower())
