"""Personas that nobody wrote: a name, what they are, how they are, what they always say; and the block that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random

from .beside import distractors, unclear
from .phrases import Phrases, choose, garbled
from .strays import emoji
from .values import Language, make, split_of
from .wordings import grow

_ARTICLE = re.compile(r"\b([aA])(?= [aeiouAEIOU])")
_WORDS_TRAINED = ("catch", "catch", "name", "saying", "saying", "any", "any", "odd", "cry", "cry", "cry")
# What tells that, and where, a persona says its word.
_PLACES = {
    "en": "first last begin begins start starts end ends close closes finish finishes before after until open opens opening "
    "closing ending final leads introduces follows sign top bottom every each always all everything whenever without",
    "zh": "先 后 前 首 尾 开 头 结 束 始 末 收 完 领 落 款 每 总 都",
}
_BARE_CATCH = re.compile(r"(?<![\"“'‘「『*])\{catch\}")
_BESIDE_SLOT = re.compile(r"(?:(\w+) ?(?=\{))|(?:(?<=\}) ?(\w+))")


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


def invent(
    words: Phrases, rng: Random, answer_in: Language, *, vivid: bool = False, strange: bool = False, hidden: bool = False
) -> Sheet:
    """A persona with its block: `vivid` ones always have traits and a word of their own.

    In evaluation the block has the service's form, or, if `strange`, one that was never trained on. `hidden`: no sentence
    says that its word is to be said, though it stands in one; only former answers show it.
    """
    language, bank = words.language, words.personas
    user = bank["friend"] if vivid or rng.random() < 0.5 else make("name", language, words.split, rng)
    if words.split == "train" and user != bank["friend"] and rng.random() < 0.08:
        user = f"{user} {emoji(rng)}"
    name = make("name", language, words.split, rng)
    t1, t2 = _traits(words, rng)
    what = _what(words, rng, user, t1, t2)
    # More in training: else it learns to fall back on the first sentence where it does not know the one that tells.
    is_told = vivid or rng.random() < (0.75 if words.split == "train" else 0.5)
    lines = rng.sample(bank["extra"], rng.randint(0, 2 if vivid else 5))
    catch, first = _catch(words, rng) if vivid or rng.random() < 0.3 else ("", True)
    own = {"t1": t1, "t2": t2, "catch": catch, "me": name, "user": user}
    others = [] if hidden or words.split != "train" else distractors(words, rng, (t1, t2, catch), user)
    told = _of_itself(words, rng, is_told, bool(catch) and not hidden, first, clear=bool(others))
    if hidden:
        told.append(unclear(words, rng))
    if words.split == "train" and (rng.random() < 0.2 or "," in catch or "，" in catch):
        told = [_BARE_CATCH.sub('"{catch}"' if language == "en" else "“{catch}”", line) for line in told]
    lines += [line.format(**own) for line in told]
    lines += others
    rng.shuffle(lines)
    if words.split == "train":
        lines = _merged(lines, rng, language)
    opening = what[0].upper() if rng.random() < 0.5 else what[0]
    lines.insert(0, opening + what[1:] + (". " if language == "en" else "。"))
    if words.split == "train" and rng.random() < 0.06:
        rng.shuffle(lines)
    about = _joined(lines, language)
    trait = _joined_traits([t for t in (t1, t2) if is_told or t in what], language)
    sheet = Sheet(name, language, what, trait, catch, first, user)
    forms = words.said(words.personas, "form")
    if not strange and (words.split != "train" or rng.random() < 0.4):
        forms = words.personas["form"][:1]
    return _with_block(sheet, words, rng, about, answer_in, forms)


def _traits(words: Phrases, rng: Random) -> tuple[str, str]:
    if words.split == "train" and rng.random() < 0.5:  # any words at all, so that they are copied and not guessed
        return _any_words(words, rng), _any_words(words, rng)
    first = make("trait", words.language, words.split, rng)
    while (second := make("trait", words.language, words.split, rng)) == first:
        pass
    return first, second


def _any_words(words: Phrases, rng: Random) -> str:
    phrase = make(rng.choice(("any", "any", "any", "manner")), words.language, "train", rng)
    return phrase.replace(" ", "-") if rng.random() < 0.2 else phrase


def _of_itself(words: Phrases, rng: Random, is_told: bool, has_word: bool, first: bool, *, clear: bool) -> list[str]:
    """The sentences that say how it is and what it always says, in one now and then; their slots are open.

    If not `clear`, some say it by their form alone: nothing else in the block has such words.
    """
    place = "first" if first else "last"
    if is_told and has_word and words.split == "train" and rng.random() < 0.06:
        return [grow(words.language, f"both_{place}", rng)]
    kinds = ["traits"] * is_told + [f"catch_{place}"] * has_word
    return [_line(words, rng, kind, clear=clear) for kind in kinds]


def _line(words: Phrases, rng: Random, kind: str, *, clear: bool) -> str:
    """One of the list, or in training one of many more that are put together, or with words that nobody expects."""
    if words.split == "train" and rng.random() < 0.6:
        line = grow(words.language, kind, rng)
    else:
        line = rng.choice(words.said(words.personas, kind))
    if words.split != "train" or line[0] == "{" or rng.random() > 0.35:
        return line
    # Words beside a value stay: else nothing would say where it begins.
    pairs, is_zh = _BESIDE_SLOT.findall(line), words.language == "zh"
    beside = [word for before, after in pairs for word in ((before[-1:], after[:1]) if is_zh else (before, after))]
    kept = " ".join((*beside, _PLACES[words.language]))
    # Where nothing says so, the word is said first; rarely, for a word that is only quoted is not to be said.
    wholly = not clear and rng.random() < {"traits": 0.25, "catch_first": 0.08}.get(kind, 0)
    return garbled(line, rng, words.language, kept, wholly=wholly)


def _merged(lines: list[str], rng: Random, language: Language) -> list[str]:
    """Two sentences in one, now and then."""
    stop, links = (".", (", and", ";", ", but", ",")) if language == "en" else ("。", ("，", "；", "，而且", "，"))
    found: list[str] = []
    for line in lines:
        if found and found[-1].endswith(stop) and rng.random() < 0.08:
            line = line[0].lower() + line[1:] if line.startswith(("You", "Your", "The", "People", "Everyone")) else line
            found[-1] = found[-1].removesuffix(stop) + rng.choice(links) + (" " if language == "en" else "") + line
        else:
            found.append(line)
    return found


def _what(words: Phrases, rng: Random, user: str, t1: str, t2: str) -> str:
    kinds = ("role", "adjective", "place", "hobby", "city", "job", "food", "drink", "animal", "colour", "word", "phrase")
    slots = {kind: make(kind, words.language, words.split, rng) for kind in kinds}
    slots["word2"] = make("word", words.language, words.split, rng)
    text = choose(words.personas["what"], rng, a="a", a2="a", t1=t1, t2=t2, user=user, **slots)
    return _ARTICLE.sub(r"\1n", text)


def _catch(words: Phrases, rng: Random) -> tuple[str, bool]:
    is_trained = words.split == "train"
    catch = make(rng.choice(_WORDS_TRAINED if is_trained else ("catch", "name")), words.language, words.split, rng)
    if is_trained:
        other = _varied(words, rng, catch)
        catch = other if split_of(other) == "train" else catch
    return catch, rng.random() < 0.6


def _varied(words: Phrases, rng: Random, catch: str) -> str:
    """Said twice, with a comma in it, or with a capital, now and then: it is copied as it stands."""
    space, comma = (" ", ", ") if words.language == "en" else ("", "，")
    way = rng.random()
    if way < 0.1:
        return catch + rng.choice((space, space, comma)) + catch
    if way < 0.16:
        return catch + comma + _any_words(words, rng)
    if way < 0.22:
        return catch.replace(" ", "-")
    return catch[0].upper() + catch[1:] if way < 0.32 else catch


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
    name_line = grow(words.language, "name", rng) if rng.random() < 0.5 else rng.choice(bank["name_line"])
    lines = [name_line, *(rng.choice(bank[kind]) for kind in ("talk_line", "way_line")), "{about}", "{language}"]
    if rng.random() < 0.5:
        rng.shuffle(lines)
    gaps = ("\n", " " if words.language == "en" else "")
    text = "".join(line + rng.choice(gaps) for line in lines if line).strip()
    return garbled(text, rng, words.language) if rng.random() < 0.3 else text


def _examples(sheet: Sheet, words: Phrases, rng: Random) -> str:
    """In training some say more than small talk: what stands in one answer alone is not what the persona always says."""
    lines: list[str] = [words.personas["examples"]]
    for _ in range(rng.randint(1, 3)):
        kind = words.talk[rng.choice([*words.talk])]
        said = choose(kind["user"], rng)
        reply = choose(kind["say"], rng, c="", me=sheet.name)
        if words.split == "train" and rng.random() < 0.4:
            reply = _with_more(reply, words, rng)
        reply = sheet.voice(reply, words.language)
        lines.append(f"{sheet.user}: {said}\n{sheet.name}: {reply}")
    return "\n".join(lines)


def _with_more(reply: str, words: Phrases, rng: Random) -> str:
    """Before or after it a sentence of any words."""
    space, marks = (" ", ".!?") if words.language == "en" else ("", "。！？")
    more = space.join(_any_words(words, rng) for _ in range(rng.randint(1, 3)))
    parts = [reply, more[:1].upper() + more[1:] + rng.choice(marks)]
    rng.shuffle(parts)
    return space.join(parts)
