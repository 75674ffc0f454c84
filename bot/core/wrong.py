"""What is wrong with a value that pydantic has checked, in words. Its own are English, so each has a text `value-…` of ours."""

from __future__ import annotations

from typing import Any

from fluent.runtime.types import fluent_number
from pydantic_core import ErrorDetails

from bot.core.texts import SHELL, tell


def wrong(error: ErrorDetails) -> str:
    """A clause without a full stop; pydantic's own where we have none."""
    key = f"value-{error['type']}"
    return tell(key, **{name: _told(value) for name, value in error.get("ctx", {}).items()}) if SHELL.has(key) else error["msg"]


def _told(value: Any) -> Any:
    """Numbers as they would be typed; in pydantic's list of what is allowed the last one comes after an “or”."""
    if isinstance(value, int | float):
        return fluent_number(value, useGrouping=False)
    return str(value).replace(" or ", tell("value-or"))
