"""What a look at a checkpoint found: which file, what is wrong with it, and what to type."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bot.core.checks import Check
from workers.texts import advise, plain, say

Level = Literal["ok", "note", "error"]
Value = str | int
_PULL = "companion model pull NAME --to FOLDER"
_NO_COMMANDS = {"pull": _PULL, "again": _PULL}


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` names the text; the values come from files that anybody may have written."""

    file: str
    what: str
    values: dict[str, Value] = field(default_factory=dict)
    level: Level = "error"

    def with_commands(self, **commands: str) -> Finding:
        """The same, knowing what can be typed to mend it."""
        return replace(self, values={**self.values, **commands})

    def as_check(self, language: str) -> Check:
        detail, fix = self._texts(language)
        if self.level == "note" and fix:
            detail, fix = f"{detail} → {fix}", ""
        return Check(plain(self.file), self.level != "error", detail, fix)

    def sentence(self, language: str) -> str:
        detail, fix = self._texts(language)
        return f"{plain(self.file)}: {detail} → {fix}" if fix else f"{plain(self.file)}: {detail}"

    def as_dict(self, language: str) -> dict[str, Any]:
        detail, fix = self._texts(language)
        return {"file": plain(self.file), "level": self.level, "what": self.what, "detail": detail, "fix": fix}

    def _texts(self, language: str) -> tuple[str, str]:
        values = {"model": "NAME", **_NO_COMMANDS, **self.values}
        return say(language, self.what, **values), advise(language, self.what, **values)


class Defect(Exception):
    """A file is not what it should be; ends the look at this file."""

    def __init__(self, what: str, **values: Value) -> None:
        super().__init__(what)
        self.what, self.values = what, values

    def in_file(self, file: str) -> Finding:
        return Finding(file, self.what, self.values)
