"""Values made of what is kept in Redis or told through it, by whatever version: another may run beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def make(kind: type[T], fields: Mapping[str, Any]) -> T:
    """A value of that dataclass, without what a newer version has added."""
    known: Any = kind
    return kind(**{name: value for name, value in fields.items() if name in known.__dataclass_fields__})
