"""How people tell something of themselves: alone, with more in the same message, or in one breath."""

from __future__ import annotations

from dataclasses import replace

from .dialogue import Dialogue, Exchange
from .phrases import Fact, can_be_garbled, choose, expand, garbled, typed
from .wordings import grown, parts

_FROM_ALL_SIDES = 0.5  # of what is told in training, where the fact has such ways
_BARE = 0.15  # of what is told in training, answered without naming it
_SMALL_TALK = ("agree", "day", "food", "happy", "praise", "thanks")


def slots_of(fact: Fact, value: str) -> dict[str, str]:
    article = "an" if value[:1].lower() in "aeiou" else "a"
    return {**fact.slots, "v": value, "a": article}


def statement(talk: Dialogue, fact: Fact, value: str, lead: str = "") -> str:
    lead = lead or choose(talk.words.said(talk.frames, "open"), talk.rng)
    told, slots = _told(talk, fact, value)
    text = lead + told + choose(talk.frames["tail"], talk.rng)
    return typed(text, talk.rng, talk.language, question=False).format_map(slots)


def _told(talk: Dialogue, fact: Fact, value: str) -> tuple[str, dict[str, str]]:
    """A wording with its slots open, and what goes into them."""
    words, section = talk.words, talk.words.section(fact.key)
    slots, templates, keys = slots_of(fact, value), words.said(section, "tell"), section.get("keys", "")
    kind = f"tells_{fact.key}"
    if talk.split == "train" and kind in parts(talk.language) and talk.rng.random() < _FROM_ALL_SIDES:
        return grown(talk.language, kind, talk.rng), slots
    if talk.split == "train" and talk.rng.random() < 0.1:
        templates, slots["np"] = talk.frames["tell"], talk.rng.choice(words.names_of(fact)[:2])
    told = talk.rng.choice(expand(talk.rng.choice(templates)))
    if talk.split == "train" and can_be_garbled(told, keys) and talk.rng.random() < 0.25:
        told = garbled(told, talk.rng, talk.language, keys)
    return told, slots


def listed(talk: Dialogue, facts: list[Fact]) -> str:
    link, comma = (" is ", ", ") if talk.language == "en" else ("是", "，")
    return comma.join(f"{fact.yr}{link}{talk.known[fact.id]}" for fact in facts)


def tell(talk: Dialogue) -> Exchange:
    fact = talk.new_fact()
    value = talk.new_value(fact)
    if talk.rng.random() < 0.2:
        return _tell_many(talk, fact, value)
    talk.learn(fact, value)
    acks = [*talk.words.section(fact.key).get("ack", ()), *talk.frames["ack"]]
    said = with_greeting(talk, statement(talk, fact, value))
    answer = talk.answer(acks, **slots_of(fact, value))
    return _answered(talk, said, talk.think("tell", **slots_of(fact, value)), answer)


def _tell_many(talk: Dialogue, fact: Fact, value: str) -> Exchange:
    facts, lines = [], []
    in_one_breath = talk.split == "train" and talk.rng.random() < 0.5
    for _ in range(talk.rng.randint(2, 3)):
        talk.learn(fact, value)
        lines.append(_plainly(talk, fact, value) if in_one_breath else statement(talk, fact, value))
        facts.append(fact)
        fact = talk.new_fact()
        value = talk.new_value(fact)
    first = slots_of(facts[0], talk.known[facts[0].id])
    thought = talk.think("tell", **first)
    answer = talk.answer(talk.frames["tell_many"], list=listed(talk, facts))
    gap = talk.rng.choice(parts(talk.language)["breath"] if in_one_breath else ("\n", "\n", " "))
    return _answered(talk, gap.join(lines), thought, answer)


def _plainly(talk: Dialogue, fact: Fact, value: str) -> str:
    """Nothing but what is told, with no stop at its end: more follows in the same sentence."""
    told, slots = _told(talk, fact, value)
    return typed(told, talk.rng, talk.language, question=False).rstrip(".。!！").format_map(slots)


def _answered(talk: Dialogue, said: str, thought: str, answer: str) -> Exchange:
    """In training some answers name nothing of it. They are read and not learnt: what was told is to be found all the same."""
    if talk.split != "train" or talk.rng.random() > _BARE:
        return talk.exchange("tell", said, thought, answer)
    small_talk = talk.words.talk[talk.rng.choice(_SMALL_TALK)]["say"]
    bare = talk.answer(parts(talk.language)["say_bare"] if talk.rng.random() < 0.75 else small_talk)
    return replace(talk.exchange("tell", said, thought, bare), is_learnt=False)


def with_greeting(talk: Dialogue, said: str) -> str:
    """Now and then people send two messages before they get one answer."""
    if talk.rng.random() > 0.1:
        return said
    return talk.chat(talk.rng.choice(("greet", "agree", "day"))) + "\n" + said
