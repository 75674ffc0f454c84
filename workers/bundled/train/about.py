"""What people ask of the persona itself: who it is, how it is, whether it is human; and what only sounds like that."""

from __future__ import annotations

from .dialogue import Dialogue, Exchange
from .values import make
from .wordings import grown, parts

_BESIDE = ("greet", "day", "tired", "happy", "agree", "thanks", "praise", "food", "bored", "sad")
_NEAR = ("maker", "own", "dunno", "stranger", "stranger")


def who(talk: Dialogue) -> Exchange:
    return _about(talk, "who", talk.sheet.what, (talk.sheet.name,))


def trait(talk: Dialogue) -> Exchange:
    wanted = tuple(talk.sheet.trait.replace(" and ", "、").split("、")) if talk.sheet.trait else ()
    return _about(talk, "trait", talk.sheet.trait, wanted)


def human(talk: Dialogue) -> Exchange:
    return _about(talk, "human", talk.sheet.name, (talk.sheet.name,))


def near_miss(talk: Dialogue) -> Exchange:
    """A question in the words of "who are you" that asks for something else; in training alone."""
    kind, known = talk.rng.choice(_NEAR), " ".join((talk.sheet.name, talk.sheet.user, *talk.known.values())).lower()
    while (other := make("name", talk.language, "train", talk.rng)).lower() in known:
        pass
    said = talk.type(grown(talk.language, f"near_{kind}", talk.rng), question=True, v=other)
    says = {"own": talk.words.talk["about_you"]["say"], "dunno": talk.words.talk["dunno"]["say"]}
    answer = talk.answer(says.get(kind) or parts(talk.language)[f"say_{kind}"], v=other)
    return talk.exchange("talk", said, talk.think("talk" if kind == "own" else "dunno"), answer)


def _about(talk: Dialogue, kind: str, matter: str, wanted: tuple[str, ...]) -> Exchange:
    sections = talk.words.bank["persona_talk"]
    section = sections[kind]
    said = _asked(talk, kind, talk.words.said(section, "user"))
    # A description in the other language is not translated: only the name goes across.
    is_ours = talk.sheet.language == talk.language
    how = talk.sheet.trait if is_ours and kind == "who" else ""
    thought = talk.think("who_and_how", trait=how) if how else talk.think("who")
    if matter and (kind == "human" or is_ours):
        answer = talk.answer(section["say"], what=matter, trait=matter)
        wanted = (*wanted, *((talk.sheet.name,) if "{me}" in section["say"][0] else ()))
        thought = talk.think("trait", trait=matter) if kind == "trait" else thought
    else:
        answer, wanted = talk.answer(sections["who"]["say_bare"]), (talk.sheet.name,)
    return talk.exchange(kind, said, thought, answer, wanted=wanted)


def _asked(talk: Dialogue, kind: str, templates: list[str]) -> str:
    """In training mostly put together from parts."""
    if talk.split != "train" or kind == "human":
        return talk.write(templates, question=True)
    if talk.rng.random() < 0.65:
        said = talk.type(grown(talk.language, f"ask_{kind}", talk.rng), question=talk.rng.random() < 0.8)
    else:
        said = talk.write(templates, question=True)
    return with_aside(talk, said, _BESIDE)


def with_aside(talk: Dialogue, said: str, kinds: tuple[str, ...]) -> str:
    """In training now and then with small talk of one of `kinds` in the same message, mostly before it."""
    if talk.split != "train" or talk.rng.random() > 0.15:
        return said
    aside = talk.chat(talk.rng.choice(kinds))
    gap = talk.rng.choice(("\n", "\n", " ", ". ", ", ") if talk.language == "en" else ("\n", "\n", " ", "。", "，"))
    return gap.join((aside, said) if talk.rng.random() < 0.7 else (said, aside))
