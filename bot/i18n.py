"""The texts people see, in their language. One Fluent file a language in `locales/`; adding a language is adding a file."""

from __future__ import annotations

from pathlib import Path

from bot.core.texts import FALLBACK, Texts

_TEXTS = Texts(Path(__file__).parent / "locales")

languages = _TEXTS.languages
say = _TEXTS.say
has = _TEXTS.has


def best(*wishes: str | None) -> str:
    """The first wish that there are texts for; `zh-Hans` and `zh_CN` are zh."""
    for wish in wishes:
        language = (wish or "").replace("_", "-").split("-")[0].lower()
        if language in languages():
            return language
    return FALLBACK
