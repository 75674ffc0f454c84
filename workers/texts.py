"""What the worker's commands print, in the language of whoever types them. One Fluent file a language in `locales/`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

FALLBACK = "en"
LANGUAGES = ("en", "zh")
_LONGEST = 300


def language(environment: Mapping[str, str] = os.environ) -> str:
    """COMPANION_LANGUAGE where it is set, else the terminal's."""
    for name in ("COMPANION_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if wish := environment.get(name, ""):
            short = wish.replace("-", "_").split("_")[0].split(".")[0].lower()
            return short if short in LANGUAGES else FALLBACK
    return FALLBACK


def say(language: str, key: str, **values: str | int) -> str:
    """The text of `key`; an unknown key raises `KeyError`."""
    message = _bundle(language).get_message(key)
    return _format(language, message.value, values)


def advise(language: str, key: str, **values: str | int) -> str:
    """What to type: the `.fix` of the text, or nothing."""
    message = _bundle(language).get_message(key)
    return _format(language, message.attributes["fix"], values) if "fix" in message.attributes else ""


def plain(text: str) -> str:
    """Words out of a file, made harmless for a terminal: no control characters, and no more than a line."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _format(language: str, pattern: Any, values: Mapping[str, str | int]) -> str:
    given = {name: plain(value) if isinstance(value, str) else f"{value}" for name, value in values.items()}
    text, errors = _bundle(language).format_pattern(pattern, given)
    if errors:
        raise errors[0]
    return str(text)


@cache
def _bundle(language: str) -> FluentBundle:
    bundle = FluentBundle([language, FALLBACK], use_isolating=False)
    bundle.add_resource(FluentResource((files("workers") / "locales" / f"{language}.ftl").read_text("utf-8")))
    return bundle
