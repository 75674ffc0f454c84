"""What people type, before a tokenizer sees it: no control token can be in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD_JOINER = "\u2060"


class Neutral:
    """Makes marks that somebody typed into plain text that looks the same: a word joiner behind their first letter."""

    def __init__(self, marks: Iterable[str]) -> None:
        marks = list(marks)
        self._firsts = {mark[0] for mark in marks}
        # Looking ahead finds marks that overlap, too.
        self._mark = re.compile(f"(?={'|'.join(map(re.escape, marks)) or '(?!)'})(.)", re.DOTALL)

    def __call__(self, text: str) -> str:
        # Most texts have none of the letters with which marks begin; that is seen a hundred times as quickly.
        may_have_some = any(first in text for first in self._firsts)
        return self._mark.sub(rf"\1{_WORD_JOINER}", text) if may_have_some else text
