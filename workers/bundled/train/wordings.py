"""Sentences put together from parts (`wordings.toml`, `clauses.toml`): more of them than can be learnt by heart."""

from __future__ import annotations

import re
from functools import cache
from random import Random

from .values import Language, texts

Parts = dict[str, list[str]]

_PART = re.compile(r"<(\w+)>")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_OTHER = re.compile(r"[^\w{}]+")


@cache
def parts(language: Language) -> Parts:
    found: Parts = {}
    for name in ("wordings", "clauses"):
        for kind, lines in texts(name)[language].items():
            found[kind] = [*found.get(kind, ()), *lines]
    return found


def grow(language: Language, kind: str, rng: Random) -> str:
    """A sentence of a kind ("traits", "catch_last", ...), its slots open, with a capital where it begins with a word."""
    text = _grown(parts(language), kind, rng)
    return text[:1].upper() + text[1:]


def _grown(known: Parts, kind: str, rng: Random) -> str:
    lines = known[kind]
    line = lines[int(rng.random() * len(lines))]
    if "[" in line:
        line = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), line)
    return _PART.sub(lambda found: _grown(known, found[1], rng), line)


def can_grow(language: Language, kind: str, text: str) -> bool:
    """Whether `text` could come out, whatever its case and punctuation."""
    return _pattern(language, kind).fullmatch(_bare(text)) is not None


@cache
def _pattern(language: Language, kind: str) -> re.Pattern[str]:
    return re.compile(_regex(parts(language), kind))


def _regex(known: Parts, kind: str) -> str:
    return f"(?:{'|'.join(dict.fromkeys(_line_regex(known, line) for line in known[kind]))})"


def _line_regex(known: Parts, line: str) -> str:
    found = []
    for token in re.split(r"(<\w+>|\[[^\[\]]*\])", line):
        if part := _PART.fullmatch(token):
            found.append(_regex(known, part[1]))
        elif choice := _CHOICE.fullmatch(token):
            # A choice may hold a part, too.
            found.append(f"(?:{'|'.join(_line_regex(known, one) for one in choice[1].split('|'))})")
        else:
            found.append(re.escape(_bare(token)))
    return "".join(found)


def _bare(text: str) -> str:
    return _OTHER.sub("", text.lower())
