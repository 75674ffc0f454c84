"""Texts in Project Fluent's format, one file a language; and those that whoever types a command reads, in their language."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from fluent.runtime import FluentBundle, FluentResource

FALLBACK = "en"
SETTING = "COMPANION_LANGUAGE"
_OBEYED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n|\Z)")

Value = str | int


class Texts:
    """All texts of one folder. A language is a file there; what it lacks is said in English."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bundle = cache(self._read)

    def languages(self) -> list[str]:
        return sorted(file.stem for file in self._folder.glob("*.ftl"))

    def say(self, language: str, key: str, /, **values: Value) -> str:
        """The text of `key`; an unknown key raises `KeyError`, and one without its values `FluentReferenceError`."""
        return self._format(language, self._message(language, key).value, values)

    def part(self, language: str, key: str, name: str, /, **values: Value) -> str:
        """What stands as `.name` below the text of `key`; empty where nothing does."""
        pattern = self._message(language, key).attributes.get(name)
        return self._format(language, pattern, values) if pattern else ""

    def has(self, key: str) -> bool:
        return bool(self._bundle(FALLBACK).has_message(key))

    def _message(self, language: str, key: str) -> Any:
        return self._bundle(language).get_message(key)

    def _format(self, language: str, pattern: Any, values: Mapping[str, Value]) -> str:
        text, errors = self._bundle(language).format_pattern(pattern, dict(values))
        if errors:
            raise errors[0]
        return str(text)

    def _read(self, language: str) -> FluentBundle:
        known = language if language in self.languages() else FALLBACK
        # Marks around inserted values are for mixed writing directions; terminals and chat clients show them as boxes.
        bundle = FluentBundle([known, FALLBACK], use_isolating=False)
        bundle.add_resource(FluentResource((self._folder / f"{known}.ftl").read_text("utf-8")))
        return bundle


SHELL = Texts(Path(__file__).parents[1] / "locales" / "shell")


def language(environment: Mapping[str, str] = os.environ) -> str:
    """Of whoever types a command: COMPANION_LANGUAGE where it is set, else the terminal's, else English."""
    wish = next(filter(None, _wishes(environment)), FALLBACK)
    short = wish.replace("-", "_").split("_")[0].split(".")[0].lower()
    return short if short in SHELL.languages() else FALLBACK


def tell(key: str, /, **values: Value) -> str:
    """A text of the shell. A key nobody knows raises `KeyError`."""
    return SHELL.say(language(), key, **_harmless(values))


def advise(key: str, /, **values: Value) -> str:
    """What to type: the `.fix` of a text of the shell, or nothing."""
    return SHELL.part(language(), key, "fix", **_harmless(values))


def printable(text: str) -> str:
    """Words from elsewhere, made harmless for a terminal: one line, no control characters."""
    return "".join(char if char.isprintable() else "?" for char in text)


def inert(text: str) -> str:
    """The same for words of several lines: their ends and tabs stay, all else that a terminal obeys is replaced."""
    return _OBEYED.sub("?", text)


def whole(text: str) -> str:
    """Words from elsewhere, with their surrogate pairs joined and halves of such replaced: those cannot be written as UTF-8."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _harmless(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: printable(value) if isinstance(value, str) else value for name, value in values.items()}


def _wishes(environment: Mapping[str, str]) -> Iterator[str | None]:
    """In the order of precedence. Files are read without judging them: what is wrong there has to be told in some language."""
    yield environment.get(SETTING)
    with suppress(OSError, ValueError):
        yield _in_dotenv()
    with suppress(OSError, ValueError):
        yield str(tomllib.loads(Path("companion.toml").read_text("utf-8")).get("language", ""))
    yield from map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))


def _in_dotenv() -> str | None:
    if not Path(".env").exists():
        return None
    from dotenv import dotenv_values

    return dotenv_values(".env", interpolate=False).get(SETTING)
