"""The texts people see, in their language. One Fluent file a language in `locales/`; adding a language is adding a file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fluent.runtime import FluentBundle, FluentResource

FALLBACK = "en"


def languages() -> list[str]:
    return sorted(file.name.removesuffix(".ftl") for file in _folder().iterdir() if file.name.endswith(".ftl"))


def say(language: str, key: str, **values: str | int) -> str:
    """The text of `key` in the language, or in English where it is not translated; an unknown key raises `KeyError`."""
    bundle = _bundle(language if language in languages() else FALLBACK)
    pattern = bundle.get_message(key).value
    assert pattern is not None, f"{key} has no text"
    text, errors = bundle.format_pattern(pattern, values)
    if errors:
        raise errors[0]
    return str(text)


def best(*wishes: str | None) -> str:
    """The first wish that there are texts for; `zh-Hans` and `zh_CN` are zh."""
    for wish in wishes:
        language = (wish or "").replace("_", "-").split("-")[0].lower()
        if language in languages():
            return language
    return FALLBACK


@cache
def _bundle(language: str) -> FluentBundle:
    # Marks around inserted values are for mixed writing directions; terminals and chat clients show them as boxes.
    bundle = FluentBundle([language, FALLBACK], use_isolating=False)
    bundle.add_resource(FluentResource((_folder() / f"{language}.ftl").read_text("utf-8")))
    return bundle


def _folder() -> Traversable:
    return files("bot") / "locales"
