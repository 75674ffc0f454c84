"""The questions of the evaluation: dialogues of values and wordings that are not trained on.

With what the last answer must hold. The split "dev" is for looking at wrong answers, "held" for the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from .acts import ACTS, ask_for, correct, play
from .corpus import Mode, Sample, dialogue
from .corpus import persona as invent_persona
from .dialogue import Dialogue, Exchange
from .phrases import Fact
from .values import Language, Split, make

# What may lie between telling and asking; nothing of it changes a fact.
_BETWEEN = ("talk", "talk", "tell", "tell", "unknown", "ask", "ramble", "sum", "who", "repeat", "trait")


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt and what decides whether its answer is right; `users` are names it must not speak for."""

    sample: Sample
    mode: Mode = "open"

    @property
    def last(self) -> Exchange:
        return self.sample.last

    @property
    def told(self) -> tuple[str, ...]:
        """Every word that may be in the answer in either language: names and values."""
        names = (self.sample.sheet.name, self.sample.sheet.catch, self.sample.sheet.user)
        return tuple(word for word in (*names, *self.last.wanted, *self.last.unwanted) if word)


Skill = Callable[[Random, Split], Question]


def _start(rng: Random, split: Split, language: Language | None = None, **how: bool) -> Dialogue:
    while True:
        talk = dialogue(rng, split, **how)
        if language is None or talk.language == language:
            return talk


def _question(talk: Dialogue, mode: Mode = "open") -> Question:
    return Question(Sample(talk.sheet, tuple(talk.exchanges)), mode)


def _chat(talk: Dialogue, num: int) -> None:
    for _ in range(num):
        play(talk, talk.rng.choice(_BETWEEN))


def _told(talk: Dialogue, key: str | None = None, value: str | None = None) -> Fact:
    """Tells one fact, alone or among others, and says which."""
    while True:
        before = set(talk.known)
        play(talk, "tell")
        new = [talk.facts[id] for id in talk.known if id not in before]
        fact = talk.rng.choice(new)
        if key is None or fact.key == key:
            return fact
        talk.exchanges.pop()
        for other in new:
            del talk.known[other.id], talk.facts[other.id]


def recall(language: Language, mode: Mode = "open", *, far: bool = False) -> Skill:
    """Told 1 to 8 turns before; `far`: with long messages in between."""

    def make_question(rng: Random, split: Split) -> Question:
        talk = _start(rng, split, language)
        _chat(talk, rng.randint(0, 2))
        fact = _told(talk)
        talk.is_long = far
        for _ in range(rng.randint(2, 3) if far else 0):
            play(talk, "ramble")
        _chat(talk, rng.randint(0, 7 - 3 * far))
        talk.exchanges.append(ask_for(talk, fact))
        return _question(talk, mode)

    return make_question


def nonsense_name(rng: Random, split: Split) -> Question:
    talk = _start(rng, split)
    fact = talk.words.fact("name", 0)
    value = make("nonsense", "en", split, rng)
    said = talk.write(talk.words.said(talk.words.section("name"), "tell"), question=False, v=value)
    talk.learn(fact, value)
    answer = talk.answer(talk.words.section("name")["ack"], v=value)
    talk.exchanges.append(talk.exchange("tell", said, "", answer))
    _chat(talk, rng.randint(0, 5))
    talk.exchanges.append(ask_for(talk, fact))
    return _question(talk)


def unknown(rng: Random, split: Split) -> Question:
    talk = _start(rng, split)
    _chat(talk, rng.randint(0, 7))
    play(talk, "unknown")
    return _question(talk)


def persona(act: str, mode: Mode = "open", *, strange: bool = False, changed: bool = False) -> Skill:
    """Who it is, how it is, and its word in whatever it says; `strange`: in a block of wording never seen.

    `changed`: it said before that it is somebody else.
    """

    def make_question(rng: Random, split: Split) -> Question:
        talk = _start(rng, split, vivid=True, strange=strange)
        _chat(talk, rng.randint(0, 5))
        if changed:
            play(talk, "who")
            talk.sheet = invent_persona(rng, split, talk.language, vivid=True)
        play(talk, act)
        last = talk.exchanges[-1]
        talk.exchanges[-1] = replace(last, wanted=(*last.wanted, talk.sheet.catch))
        return _question(talk, mode)

    return make_question


def language(rng: Random, split: Split) -> Question:
    """The last message is in another language than most of the talk, half of the time."""
    talk = _start(rng, split)
    if rng.random() < 0.5:
        talk.language = "zh" if talk.language == "en" else "en"
    _chat(talk, rng.randint(0, 5))
    talk.language = rng.choice(("en", "zh"))
    play(talk, rng.choice(("talk", "talk", "unknown", "sum", "who", "tell", "human", "language")))
    return _question(talk)


def corrected(rng: Random, split: Split) -> Question:
    talk = _start(rng, split)
    _chat(talk, rng.randint(0, 1))
    fact = _told(talk)
    old = talk.known[fact.id]
    _chat(talk, rng.randint(0, 2))
    talk.exchanges.append(correct(talk, fact))
    _chat(talk, rng.randint(0, 3))
    question = ask_for(talk, fact)
    talk.exchanges.append(replace(question, unwanted=(*question.unwanted, old)))
    return _question(talk)


def sums(mode: Mode = "open") -> Skill:
    def make_question(rng: Random, split: Split) -> Question:
        talk = _start(rng, split)
        _chat(talk, rng.randint(0, 3))
        play(talk, "sum")
        return _question(talk, mode)

    return make_question


def anything(rng: Random, split: Split) -> Question:
    talk = _start(rng, split)
    for _ in range(rng.randint(1, 8)):
        play(talk, rng.choice([*ACTS]))
    return _question(talk)
