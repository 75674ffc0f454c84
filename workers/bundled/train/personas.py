"""Personas that nobody wrote: a name, what they are, how they are, what they always say; and the block that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random

from .phrases import Phrases, choose, garbled
from .values import Language, make

_ARTICLE = re.compile(r"\b([aA])(?= [aeiouAEIOU])")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A persona as the prompt has it. `trait` may be empty; `catch` too, else it is in every answer."""

    name: str
    language: Language
    what: str = ""
    trait: str = ""
    catch: str = ""
    catch_first: bool = True
    user: str = ""
    block: str = ""

    def voice(self, answer: str, language: Language) -> str:
        """The answer with this persona's word in it."""
        if not self.catch:
            return answer
        mark, space = ("!", " ") if language == "en" else ("！", "")
        return f"{self.catch}{mark}{space}{answer}" if self.catch_first else f"{answer}{space}{self.catch}{mark}"


NOBODY = {"en": Sheet("Companion", "en"), "zh": Sheet("小伴", "zh")}


def invent(words: Phrases, rng: Random, answer_in: Language, *, vivid: bool = False, strange: bool = False) -> Sheet:
    """A persona with its block: `vivid` ones always have traits and a word of their own.

    In evaluation the block has the service's form, or, if `strange`, one that was never trained on.
    """
    language, bank = words.language, words.personas
    user = bank["friend"] if vivid or rng.random() < 0.5 else make("name", language, words.split, rng)
    name = make("name", language, words.split, rng)
    t1, t2 = _traits(words, rng)
    what = _what(words, rng, user, t1, t2)
    lines = [_trait_line(words, rng).format(t1=t1, t2=t2)] if vivid or rng.random() < 0.5 else []
    lines += rng.sample(bank["extra"], rng.randint(0, 2 if vivid else 5))
    catch, first = _catch(words, rng) if vivid or rng.random() < 0.3 else ("", True)
    if catch:
        lines.append(_catch_line(words, rng, catch, first))
    rng.shuffle(lines)
    opening = what[0].upper() if rng.random() < 0.5 else what[0]
    about = _joined([opening + what[1:] + (". " if language == "en" else "。"), *lines], language)
    trait = _joined_traits([t for t in (t1, t2) if t in about], language)
    sheet = Sheet(name, language, what, trait, catch, first, user)
    forms = words.said(words.personas, "form")
    if not strange and (words.split != "train" or rng.random() < 0.4):
        forms = words.personas["form"][:1]
    return _with_block(sheet, words, rng, about, answer_in, forms)


def _traits(words: Phrases, rng: Random) -> tuple[str, str]:
    if words.split == "train" and rng.random() < 0.5:  # any words at all, so that they are copied and not guessed
        return make("phrase", words.language, "train", rng), make("phrase", words.language, "train", rng)
    first = make("trait", words.language, words.split, rng)
    while (second := make("trait", words.language, words.split, rng)) == first:
        pass
    return first, second


def _trait_line(words: Phrases, rng: Random) -> str:
    line: str = rng.choice(words.said(words.personas, "traits"))
    return garbled(line, rng, words.language) if words.split == "train" and rng.random() < 0.2 else line


def _what(words: Phrases, rng: Random, user: str, t1: str, t2: str) -> str:
    kinds = ("role", "adjective", "place", "hobby", "city", "job", "food", "drink", "animal", "colour", "word", "phrase")
    slots = {kind: make(kind, words.language, words.split, rng) for kind in kinds}
    slots["word2"] = make("word", words.language, words.split, rng)
    text = choose(words.personas["what"], rng, a="a", a2="a", t1=t1, t2=t2, user=user, **slots)
    return _ARTICLE.sub(r"\1n", text)


def _catch(words: Phrases, rng: Random) -> tuple[str, bool]:
    kind = rng.choice(("catch", "catch", "name", "phrase", "phrase", "phrase") if words.split == "train" else ("catch", "name"))
    return make(kind, words.language, words.split, rng), rng.random() < 0.6


def _catch_line(words: Phrases, rng: Random, catch: str, first: bool) -> str:
    line: str = rng.choice(words.said(words.personas, "catch_first" if first else "catch_last"))
    is_new = words.split == "train" and rng.random() < 0.2
    return (garbled(line, rng, words.language) if is_new else line).format(catch=catch)


def _joined(lines: list[str], language: Language) -> str:
    return " ".join(line.strip() for line in lines) if language == "en" else "".join(lines)


def _joined_traits(traits: list[str], language: Language) -> str:
    return (" and " if language == "en" else "、").join(traits)


def _with_block(sheet: Sheet, words: Phrases, rng: Random, about: str, answer_in: Language, forms: list[str]) -> Sheet:
    bank = words.personas
    language = bank["languages"][rng.choice((0 if answer_in == "en" else 1, 0 if answer_in == "en" else 1, 2))]
    style = " ".join(rng.sample(bank["style"], rng.randint(1, 2)))
    if rng.random() < 0.15:
        language = rng.choice(bank["languages"])
    form = rng.choice(forms)
    if words.split == "train" and rng.random() < 0.3:
        form = _shuffled_form(words, rng)
    examples = _examples(sheet, words, rng) if "{examples}" in form and rng.random() < 0.5 else ""
    block = form.format(me=sheet.name, about=about, style=style, examples=examples, user=sheet.user, language=language)
    block = block.replace("{user}", sheet.user)
    return replace(sheet, block=block)


def _shuffled_form(words: Phrases, rng: Random) -> str:
    """A block in a wording and an order of its own: no single form is to be learnt by heart."""
    bank = words.personas
    lines = [rng.choice(bank[kind]) for kind in ("name_line", "talk_line", "way_line")] + ["{about}", "{language}"]
    if rng.random() < 0.5:
        rng.shuffle(lines)
    gaps = ("\n", " " if words.language == "en" else "")
    text = "".join(line + rng.choice(gaps) for line in lines if line).strip()
    return garbled(text, rng, words.language) if rng.random() < 0.3 else text


def _examples(sheet: Sheet, words: Phrases, rng: Random) -> str:
    lines: list[str] = [words.personas["examples"]]
    for _ in range(rng.randint(1, 3)):
        kind = words.talk[rng.choice([*words.talk])]
        said = choose(kind["user"], rng)
        reply = sheet.voice(choose(kind["say"], rng, c="", me=sheet.name), words.language)
        lines.append(f"{sheet.user}: {said}\n{sheet.name}: {reply}")
    return "\n".join(lines)
