"""What stands beside a persona's own sentences: other people's words and traits, what it says now and then, and nonsense."""

from __future__ import annotations

from random import Random

from .phrases import Phrases, choose, garbled
from .values import make
from .wordings import grow

_QUOTED = ("phrase", "catch", "cry", "saying", "talk", "talk", "talk", "unknown")
# What tells that a word in quotation marks is not said every time.
_CONDITIONS = {"en": "when if only once never not rarely to called named nicknamed", "zh": "时候如果只叫名过对写不"}


def distractors(words: Phrases, rng: Random, own: tuple[str, ...], user: str) -> list[str]:
    """Now and then a sentence with quoted words, or with traits, that are not this persona's; `own` are those that are."""
    kinds = [kind for kind in ("distractor", "distractor_traits", "quoted", "quoted") if rng.random() < 0.08]
    lines = [_line(words, rng, kind) for kind in kinds]
    return [line.format(user=user, **_slots(words, rng, kind, own)) for line, kind in zip(lines, kinds, strict=True)]


def unclear(words: Phrases, rng: Random) -> str:
    """A sentence that says nothing but has the word of the persona in it, in quotation marks or not."""
    gap, stop = (" ", ".") if words.language == "en" else ("", "。")
    parts = [make("everyday", words.language, "train", rng) for _ in range(rng.randint(1, 8))]
    parts.insert(rng.randint(0, len(parts)), rng.choice(("{catch}", "{catch}", '"{catch}"')))
    return gap.join(parts) + stop


def _line(words: Phrases, rng: Random, kind: str) -> str:
    line = grow(words.language, kind, rng)
    is_odd = kind == "quoted" and rng.random() < 0.15
    return garbled(line, rng, words.language, _CONDITIONS[words.language]) if is_odd else line


def _slots(words: Phrases, rng: Random, kind: str, own: tuple[str, ...]) -> dict[str, str]:
    if kind == "distractor_traits":
        return {slot: _other(words, rng, ("trait",), own) for slot in ("t3", "t4")}
    return {"other": _other(words, rng, _QUOTED if kind == "quoted" else ("phrase",), own)}


def _other(words: Phrases, rng: Random, kinds: tuple[str, ...], own: tuple[str, ...]) -> str:
    while True:
        value = _value(words, rng, rng.choice(kinds))
        if not any(value in mine or mine in value for mine in own if mine):
            return value


def _value(words: Phrases, rng: Random, kind: str) -> str:
    """Something made up, or a whole sentence such as it might say anyway."""
    if kind not in ("talk", "unknown"):
        return make(kind, words.language, "train", rng)
    said = words.talk[rng.choice(("dunno", *words.talk))]["say"] if kind == "talk" else words.bank["frames"]["unknown"]
    thing = {"en": "that", "zh": "这个"}[words.language]
    text = choose(said, rng, c="", me=thing, yr=thing, Yr=thing).strip()
    return text.rstrip(".。") if rng.random() < 0.6 else text
