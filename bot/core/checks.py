"""One check of a doctor: what was looked at, whether it is well, and what to type if it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.ok else "FAIL"
        advice = "" if self.ok or not self.fix else f" → {self.fix}"
        return f"{mark} {self.name}: {self.detail}{advice}"


def report(checks: Iterable[Check]) -> int:
    """Print a line a check as they come; gives the exit status."""
    results = []
    for check in checks:
        print(check, flush=True)
        results.append(check.ok)
    return 0 if all(results) else 1
