"""What the companion owes people, whatever its model can do.

A message that speaks of suicide or self-harm gets care and places to call, at once and from the bot itself: a small model
may answer as if it were nothing.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files


def speaks_of_self_harm(text: str) -> bool:
    """By the rules of `conduct.toml`, in both languages whatever the person's is."""
    return _signs().search(text.lower().replace("’", "'")) is not None


@cache
def _signs() -> re.Pattern[str]:
    rules = tomllib.loads((files("bot") / "conduct.toml").read_text("utf-8"))
    return re.compile("|".join(f"(?:{sign})" for sign in rules["signs"]))
