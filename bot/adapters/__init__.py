"""The ways to meet people, by name. Each is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any

from bot.core.errors import CompanionError
from bot.core.texts import tell
from bot.run import Front

Run = Callable[[Front], Coroutine[Any, Any, None]]


class NoAdapter(CompanionError):
    """There is no adapter of that name."""


def find(name: str) -> Run:
    """The function that runs an adapter until it is cancelled; raises `NoAdapter`, which lists those that exist."""
    if name not in ADAPTERS:
        raise NoAdapter(tell("adapter-none", name=name, names=", ".join(ADAPTERS)))
    return ADAPTERS[name]()


def _console() -> Run:
    from bot.adapters.console import run

    return run


def _telegram() -> Run:
    if find_spec("telegram") is None or find_spec("telegramify_markdown") is None:
        raise NoAdapter(tell("adapter-not-installed", platform="Telegram", extra="telegram"))
    from bot.adapters.telegram import run

    return run


def _discord() -> Run:
    if find_spec("discord") is None or find_spec("regex") is None:
        raise NoAdapter(tell("adapter-not-installed", platform="Discord", extra="discord"))
    from bot.adapters.discord import run

    return run


ADAPTERS: dict[str, Callable[[], Run]] = {"console": _console, "telegram": _telegram, "discord": _discord}
