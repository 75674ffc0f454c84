"""A dialogue that is being made up: who talks, what was said, and what the person has told so far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from . import strays
from .personas import NOBODY, Sheet
from .phrases import Fact, Phrases, asks, can_be_garbled, choose, expand, garbled, mistyped, phrases, typed
from .values import Language, Split, make, split_of
from .wordings import grown, parts

# Facts whose lists run parallel in both languages, so that one can be told in one and asked for in the other.
_BILINGUAL = {"name", "age", "city", "origin", "job", "hobby", "learning", "instrument", "allergy", "pet", "favourite"}
# Facts that one question could mean: only one of each set is ever in play.
_LIKE = {"favourite/6": "hobby/0", "instrument/0": "learning/0", "origin/0": "city/0", "favourite/5": "city/0"}

# What one could be taken for another: facts of the same kind of value, and of these kinds.
_FAMILIES = {
    **dict.fromkeys(("colour", "animal", "flower", "word", "song", "book", "film", "game", "band"), "favourite"),
    "petname": "name",
    "drink": "food",
    "fruit": "food",
    "age": "number",
    "season": "date",
    **dict.fromkeys(("job", "tongue", "instrument"), "hobby"),
}
_NEAR = 0.3  # of what is new in training
_MORE_TYPOS = 0.05  # in training's questions
_DECORATED = 0.08  # of the messages in training


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was said, thought and answered. The answer must hold all of `wanted` and nothing of `unwanted`.

    One that is not `is_learnt` is only read in training.
    """

    act: str
    language: Language
    said: str
    thought: str
    answer: str
    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    is_learnt: bool = True


class Dialogue:
    """One person and one persona. `known` maps a fact's id to its value, as the person typed it."""

    def __init__(self, rng: Random, split: Split, language: Language, sheet: Sheet | None = None) -> None:
        self.rng, self.split, self.language = rng, split, language
        self.sheet = sheet or NOBODY[language]
        self.known: dict[str, str] = {}
        self.facts: dict[str, Fact] = {}
        self.forgotten: dict[str, Fact] = {}
        self.exchanges: list[Exchange] = []
        self.last_fact = ""
        self.is_long = False

    @property
    def words(self) -> Phrases:
        return phrases(self.language, self.split)

    @property
    def frames(self) -> dict[str, Any]:
        frames: dict[str, Any] = self.words.bank["frames"]
        return frames

    def write(self, templates: list[str], *, question: bool, keys: str = "", **slots: str) -> str:
        """What the person types. `keys`: the words that say what a question is about."""
        return self.type(self.rng.choice(expand(self.rng.choice(templates))), question=question, keys=keys, **slots)

    def chat(self, kind: str) -> str:
        """Small talk of a kind, as the person types it."""
        text = self.rng.choice(expand(self.rng.choice(self.words.said(self.words.talk[kind], "user"))))
        return self.type(text, question=asks(text, self.language))

    def type(self, text: str, *, question: bool, keys: str = "", **slots: str) -> str:
        """`text` as the person types it, its slots filled in."""
        if self.split == "train" and can_be_garbled(text, keys) and self.rng.random() < 0.25:
            text = garbled(text, self.rng, self.language, keys)
        if question and self.split == "train" and self.rng.random() < _MORE_TYPOS:
            text = mistyped(text, self.rng)
        return typed(text, self.rng, self.language, question=question).format_map(slots)

    def exchange(
        self,
        act: str,
        said: str,
        thought: str,
        answer: str,
        wanted: tuple[str, ...] = (),
        unwanted: tuple[str, ...] = (),
    ) -> Exchange:
        answer = self.sheet.voice(answer.strip(), self.language)
        if self.split == "train" and act != "repeat" and self.rng.random() < _DECORATED:
            said = strays.decorated(said, self.rng)
        return Exchange(act, self.language, said, self._with_word(thought), answer, wanted, unwanted)

    def _with_word(self, thought: str) -> str:
        """A persona's word is found in its description once, in the thought; the answer copies it from there."""
        if not self.sheet.catch:
            return thought
        space = " " if self.language == "en" else ""
        return f"{thought}{space}{self.think('word', catch=self.sheet.catch)}"

    def think(self, kind: str, **slots: str) -> str:
        return choose(self.words.bank["thoughts"][kind], self.rng, me=self.sheet.name, **slots)

    def answer(self, templates: list[str], **slots: str) -> str:
        return choose(templates, self.rng, me=self.sheet.name, c=self.called(), **slots)

    def called(self) -> str:
        """The person's name for a warm word in between, where it is known; mostly nothing."""
        name = self.known.get("name/0", "")
        if not name or self.rng.random() > 0.3:
            return ""
        return f", {name}" if self.language == "en" else f"{name}，"

    def new_fact(self) -> Fact:
        """A fact the person has not spoken of; in training often one that is easily taken for another that they told."""
        while True:
            fact = self._near_fact() or self._any_fact()
            if not self._is_in_play(fact.id):
                return fact

    def _any_fact(self) -> Fact:
        odd = make(self.rng.choice(("nonsense", "key")), self.language, self.split, self.rng).lower()
        return self.words.pick_fact(self.rng, odd)

    def _near_fact(self) -> Fact | None:
        if self.split != "train" or not self.known or self.rng.random() > _NEAR:
            return None
        family = _family(self.facts[self.rng.choice([*self.known])])
        if f"odd_{family}" in parts(self.language) and self.rng.random() < 0.25:
            odd = grown(self.language, f"odd_{family}", self.rng)
            return self.words.fact("odd", 0, odd) if split_of(odd) == "train" else None
        near = _relatives(self.language, family)
        return self.rng.choice(near) if near else None

    def _is_in_play(self, id: str) -> bool:
        spoken = self.known.keys() | self.forgotten.keys()
        return id in spoken or any(_LIKE.get(id, id) == _LIKE.get(other, other) for other in spoken)

    def new_value(self, fact: Fact) -> str:
        while True:
            value = make(fact.kind, self.language, self.split, self.rng)
            value = value.lower() if self.rng.random() < 0.15 else value
            if not any(value in old or old in value for old in self.known.values()):
                return value

    def tellable(self) -> list[Fact]:
        """What is known and can be spoken of in the language of the moment."""
        facts = []
        for fact in self.facts.values():
            if fact.id in self.known and (mine := self._translated(fact)):
                facts.append(mine)
        return facts

    def _translated(self, fact: Fact) -> Fact | None:
        if fact.key == "odd":
            return fact if fact.np.startswith("我") == (self.language == "zh") else None
        mine = self.words.fact(fact.key, fact.number) if fact.number < self._num_subs(fact.key) else None
        return mine if mine == fact or fact.key in _BILINGUAL else None

    def _num_subs(self, key: str) -> int:
        return len(self.words.section(key).get("subs", [""]))

    def learn(self, fact: Fact, value: str) -> None:
        self.facts[fact.id], self.known[fact.id], self.last_fact = fact, value, fact.id
        self.forgotten.pop(fact.id, None)

    def unlearn(self, fact: Fact) -> None:
        del self.known[fact.id]
        self.forgotten[fact.id] = fact


def _family(fact: Fact) -> str:
    return _FAMILIES.get(fact.kind, fact.kind)


@cache
def _relatives(language: Language, family: str) -> list[Fact]:
    words = phrases(language, "train")
    sections = [section for section in words.bank["facts"] if section["key"] != "odd"]
    facts = [words.fact(section["key"], number) for section in sections for number in range(len(section.get("subs", [""])))]
    return [fact for fact in facts if _family(fact) == family]
