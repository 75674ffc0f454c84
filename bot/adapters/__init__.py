"""The ways to meet people, by name. Each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from bot.core.errors import CompanionError
from bot.run import Front

Run = Callable[[Front], Coroutine[Any, Any, None]]


class NoAdapter(CompanionError):
    """There is no adapter of that name."""


def find(name: str) -> Run:
    """The function that runs an adapter until it is cancelled; raises `NoAdapter`, which lists those that exist."""
    if name not in ADAPTERS:
        raise NoAdapter(f"this version has no adapter {name!r} yet. There are: {', '.join(ADAPTERS)}.")
    return ADAPTERS[name]()


def _console() -> Run:
    from bot.adapters.console import run

    return run


ADAPTERS: dict[str, Callable[[], Run]] = {"console": _console}
