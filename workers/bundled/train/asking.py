"""How people ask for something they told: in a fact's own wordings, in those of any fact, or put together from parts."""

from __future__ import annotations

from dataclasses import replace

from .dialogue import Dialogue
from .phrases import Fact, expand
from .telling import with_greeting
from .wordings import grown, parts

_FROM_ALL_SIDES = 0.4  # of the questions in training, where the fact has such


def question(talk: Dialogue, fact: Fact) -> str:
    words, section = talk.words, talk.words.section(fact.key)
    own, common = words.said(section, "ask"), words.said(talk.frames, "ask")
    if talk.split == "train":
        fact = _by_another_word(talk, fact)
    kind, keys, slots = f"fact_{fact.key}", section.get("keys", ""), fact.slots
    if talk.split == "train" and kind in parts(talk.language) and talk.rng.random() < _FROM_ALL_SIDES:
        return with_greeting(talk, talk.type(grown(talk.language, kind, talk.rng), question=True, keys=keys, **slots))
    templates = own if talk.rng.random() < 0.5 else common
    if talk.split == "train":
        if talk.rng.random() < 0.4:
            slots["np"] = talk.rng.choice(words.names_of(fact))
        if talk.rng.random() < 0.3:
            clause = talk.rng.choice(expand(talk.rng.choice(section.get("clause", own))))
            templates, slots["q"] = talk.frames["ask_clause"], clause.format_map(slots)
        if talk.rng.random() < 0.3:
            text = _put_together(talk, fact, talk.rng.choice(expand(talk.rng.choice(templates))))
            return with_greeting(talk, talk.type(text, question=True, keys=keys, **slots))
    return with_greeting(talk, talk.write(templates, question=True, keys=keys, **slots))


def _by_another_word(talk: Dialogue, fact: Fact) -> Fact:
    """The mother told of may be asked for as mum."""
    kind = f"s_{fact.sub}"
    if kind not in parts(talk.language) or talk.rng.random() < 0.6:
        return fact
    other = grown(talk.language, kind, talk.rng)
    return replace(fact, np=fact.np.replace(fact.sub, other), sub=other)


def _put_together(talk: Dialogue, fact: Fact, text: str) -> str:
    """Another wording with the same slots; where there are none, `text` after something else."""
    for slot, kind in (("{np}", "ask_np"), ("{q}", "ask_q")):
        if slot in text:
            return grown(talk.language, kind, talk.rng)
    if fact.key == "name" and talk.rng.random() < 0.8:
        return grown(talk.language, "ask_mine", talk.rng)
    return grown(talk.language, "a_lead", talk.rng) + (" " if talk.language == "en" else "") + text
