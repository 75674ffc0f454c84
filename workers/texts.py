"""What the worker's commands print, in the language of whoever types them. One Fluent file a language in `locales/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.core.texts import Texts, language, printable

__all__ = ["LANGUAGES", "TEXTS", "advise", "language", "plain", "say"]

TEXTS = Texts(Path(__file__).parent / "locales")
LANGUAGES = ("en", "zh")
_LONGEST = 300


def say(language: str, key: str, **values: str | int) -> str:
    """The text of `key`; an unknown key raises `KeyError`."""
    return TEXTS.say(language, key, **_plain(values))


def advise(language: str, key: str, **values: str | int) -> str:
    """What to type: the `.fix` of the text, or nothing."""
    return TEXTS.part(language, key, "fix", **_plain(values))


def plain(text: str) -> str:
    """Words out of a file, made harmless for a terminal: no control characters, and no more than a line."""
    shown = printable(text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _plain(values: Mapping[str, str | int]) -> dict[str, str | int]:
    """Numbers as they are: most stand in names, limits and commands, where 8192 is not 8,192."""
    return {name: plain(value) if isinstance(value, str) else f"{value}" for name, value in values.items()}
