"""The wording: templates from the TOML files, expanded, and written as people type: any case, with typos, hasty."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import product
from random import Random
from typing import Any

from .values import Language, Split, make, texts

# The kinds of values that the subs of "favourite" take, in the order of the subs.
_FAVOURITES = (
    *("colour", "food", "drink", "fruit", "animal", "city", "hobby", "word", "name"),
    *("song", "book", "film", "game", "band", "flower", "number", "season"),
)
_WEIGHTS = {"name": 5, "pet": 4, "person": 4, "favourite": 4, "odd": 3, "city": 2, "thing": 2, "job": 2}
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"(\{\w+\})")
_WORD = {"en": re.compile(r"(\{\w+\}|\s+|[^\w\s'{}]+)"), "zh": re.compile(r"(\{\w+\}|\w)")}
# How somebody begins, or what they say in Chinese, who wants an answer.
_ASKS = {
    "en": re.compile(
        r"(?:^|, )(?:(?:who|what(?! a )|when|where|which|why|how)\b"
        r"|(?:is|are|am|do|does|did|can|could|will|would|should|may) (?:i|you|he|she|it|we|they|there|this|that|everything)\b)"
    ),
    "zh": re.compile(r"[吗呢]$|什么(?![都吧])|怎么|怎样|谁|哪|多少|如何|(.)不\1"),
}
_KEPT = {*"我你的是不没", "not", "no", "i", "you", "your", "my"}
# What stands in for a word of a wording: mostly plain words, so that what is strange in it is still the value.
_STAND_INS = ("everyday", "everyday", "everyday", "word", "adjective", "odd")
_PRONOUNS = {"en": (("my ", "your ", "their "), ("i am", "you are", "they are")), "zh": (("我", "你", "对方"),)}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a person can tell of themselves, in one language; `number` is the place of its sub in the list."""

    key: str
    number: int
    kind: str
    np: str
    yr: str
    th: str
    sub: str = ""

    @property
    def id(self) -> str:
        return f"{self.key}/{self.sub if self.key == 'odd' else self.number}"

    @property
    def slots(self) -> dict[str, str]:
        return {"np": self.np, "yr": self.yr, "th": self.th, "s": self.sub, "Yr": _upper(self.yr), "Th": _upper(self.th)}


@cache
def expand(template: str) -> tuple[str, ...]:
    """Every way to read a template: "[hi|hey|] you" is three."""
    parts = _CHOICE.split(template)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return tuple("".join(words) for words in product(*choices))


def choose(templates: list[str], rng: Random, **slots: str) -> str:
    """One template, one reading of it, filled in."""
    readings = expand(templates[int(rng.random() * len(templates))])
    return readings[int(rng.random() * len(readings))].format_map(slots)


@dataclass(frozen=True)
class Phrases:
    """All the wording of one language. `split` says whether what people say is held out; what is answered is not."""

    language: Language
    split: Split
    bank: dict[str, Any]
    talk: dict[str, Any]
    personas: dict[str, Any]

    def said(self, section: dict[str, Any], key: str) -> list[str]:
        """What people say: never a held-out wording in training, and only those in evaluation where there are some."""
        trained: list[str] = section[key]
        if self.split == "train":
            return trained
        bare: list[str] = section.get(self.split, []) if key in ("user", "ask") else []
        held: list[str] = section.get(f"{key}_{self.split}", bare)
        return held or trained

    def pick_fact(self, rng: Random, odd: str) -> Fact:
        section = rng.choice(_weighted(self.language))
        subs = section.get("subs", [""])
        number = 0 if subs == "odd" else rng.randrange(len(subs))
        return self.fact(section["key"], number, odd)

    def fact(self, key: str, number: int, odd: str = "") -> Fact:
        section = self.section(key)
        subs = section.get("subs", [""])
        sub = odd if subs == "odd" else subs[number]
        kind = _FAVOURITES[number] if section["values"] == "by_sub" else section["values"]
        np = expand(section["np"])[0]
        yr, th = section.get("yr") or self._turned(np, 1), section.get("th") or self._turned(np, 2)
        return Fact(key, number, kind, np.format(s=sub), yr.format(s=sub), th.format(s=sub), sub)

    def section(self, key: str) -> dict[str, Any]:
        return _sections(self.language)[key]

    def names_of(self, fact: Fact) -> list[str]:
        """What else the person may call it."""
        texts = [reading for text in self.section(fact.key)["nps"] for reading in expand(text)]
        return [text.format(s=fact.sub) for text in texts]

    def _turned(self, np: str, person: int) -> str:
        for words in _PRONOUNS[self.language]:
            np = np.replace(words[0], words[person])
        return np


@cache
def phrases(language: Language, split: Split) -> Phrases:
    return Phrases(language, split, texts(language), texts(f"talk_{language}"), _personas(language, split))


def _personas(language: Language, split: Split) -> dict[str, Any]:
    """Their lists, in training with the sentences of the frames file, which has one a line, at the end."""
    lists: dict[str, Any] = texts("personas")[language]
    if split != "train":
        return lists  # questions stay as they were, whatever is added for training
    return lists | {kind: [*lists[kind], *lines.splitlines()] for kind, lines in texts(f"frames_{language}").items()}


@cache
def _sections(language: Language) -> dict[str, dict[str, Any]]:
    return {section["key"]: section for section in texts(language)["facts"]}


@cache
def _weighted(language: Language) -> list[dict[str, Any]]:
    return [section for key, section in _sections(language).items() for _ in range(_WEIGHTS.get(key, 1))]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def asks(text: str, language: Language) -> bool:
    """Whether small talk asks something, so that a question mark may stand at its end."""
    return bool(_ASKS[language].search(text))


def typed(text: str, rng: Random, language: Language, *, question: bool) -> str:
    """`text` (slots still open) as somebody types it: with or without capitals, punctuation, and typos."""
    if rng.random() < 0.06:
        text = mistyped(text, rng)
    if language == "zh":
        return text + rng.choice(("？", "？", "", "?") if question else ("。", "", "", "！"))
    if rng.random() < 0.5:
        text = _upper(re.sub(r"\bi\b(?!\})", "I", text)) if text[:1] != "{" else re.sub(r"\bi\b(?!\})", "I", text)
    return text + rng.choice(("?", "?", "", "??") if question else (".", "", "", "!"))


def garbled(text: str, rng: Random, language: Language, keys: str = "", *, wholly: bool = False) -> str:
    """`text` with a few words replaced by others, or some put before it; slots and `keys` stay.

    So a wording that nobody wrote is learnt, too: what is said must show by the words that matter alone. `wholly`: all
    other words are replaced.
    """
    if not wholly and rng.random() < 0.25:
        gap = " " if language == "en" else ""
        return gap.join([*(_stand_in(rng, language) for _ in range(rng.randint(1, 3))), text])
    kept = {*keys.split()} if language == "en" else {*keys}
    parts = [part for part in _WORD[language].split(text) if part]
    places = [n for n, part in enumerate(parts) if part.strip() and not _SLOT.fullmatch(part)]
    places = [n for n in places if parts[n][0].isalnum() and parts[n] not in _KEPT and parts[n] not in kept]
    for place in places if wholly else rng.sample(places, min(len(places), rng.choice((1, 1, 2, 2, 3)))):
        parts[place] = _stand_in(rng, language)
    return "".join(parts)


def can_be_garbled(text: str, keys: str) -> bool:
    """Whether something in it still says what it is about."""
    return any(slot in text for slot in ("{np}", "{s}", "{q}")) or any(key in text for key in keys.split())


def _stand_in(rng: Random, language: Language) -> str:
    return make(rng.choice(_STAND_INS), language, "train", rng).lower()


def mistyped(text: str, rng: Random) -> str:
    """`text` with a letter lost, or two that changed places, between its slots."""
    return "".join(part if part.startswith("{") else _mistyped(part, rng) for part in _SLOT.split(text))


def _mistyped(text: str, rng: Random) -> str:
    if len(text) < 4:
        return text
    at = rng.randrange(1, len(text) - 2)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return rng.choice((swapped, text[:at] + text[at + 1 :]))
