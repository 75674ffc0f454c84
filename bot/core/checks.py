"""One check of a doctor: what was looked at, whether it is well, and what to type if it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.core.texts import Value, advise, tell

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str
    fix: str = ""

    @classmethod
    def told(cls, what: str, ok: bool, key: str, /, **values: Value) -> Self:
        """In texts of the shell: the name is `check-WHAT`, what was found is `key`, and what to type is its `.fix`."""
        return cls(tell(f"check-{what}"), ok, tell(key, **values), advise(key, **values))

    def __str__(self) -> str:
        mark = "ok  " if self.ok else "FAIL"
        advice = "" if self.ok or not self.fix else f" → {self.fix}"
        return f"{mark} {self.name}: {self.detail}{advice}"

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """A line that another doctor printed; None when it is none."""
        mark, _, rest = line.partition(" ")
        name, colon, detail = rest.lstrip().partition(": ")
        if mark not in ("ok", "FAIL") or not colon:
            return None
        detail, _, fix = detail.partition(" → ")
        return cls(name, mark == "ok", detail, fix)


def report(checks: Iterable[Check]) -> int:
    """Print a line a check as they come; gives the exit status."""
    results = []
    for check in checks:
        print(check, flush=True)
        results.append(check.ok)
    return 0 if all(results) else 1


def free_memory(source: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes of memory that programs can still have; None where the system does not say."""
    if not source.exists():
        return None
    lines = dict(line.split(":", 1) for line in source.read_text().splitlines() if ":" in line)
    available = lines.get("MemAvailable")
    return int(available.split()[0]) * 1024 if available else None
