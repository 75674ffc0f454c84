"""What facts are filled with: names, places, numbers, and words that mean nothing. Part of them is held out.

A value's checksum says where it belongs, so that training and evaluation never share one, whatever list it is in.
"""

from __future__ import annotations

import json
import re
import tomllib
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from .strays import strange_name

Language = Literal["en", "zh"]
Split = Literal["train", "dev", "held"]  # learnt from; looked at while the recipe is worked on; looked at last
Maker = Callable[[Random], str]

# The texts whose lines are put together.
PARTS = ("wordings", "clauses", "portraits", "asks", "who", "facts_asks", "facts_tells")

_TOKENIZER = Path(__file__).parents[1] / "tokenizer.json"
_VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ou", "y")
_STARTS = (
    *("b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z", "br", "ch", "cl"),
    *("dr", "fl", "gr", "kr", "pl", "qu", "sh", "sk", "sl", "st", "th", "tr", "v", "z", "x"),
)
_ENDS = ("", "", "", "n", "l", "r", "s", "t", "m", "x", "k", "nd", "sh", "lf", "th", "ng")
_TRIES = 100
_FRESH = "2/"  # a new one makes other values held out: to be changed when the old ones have guided the recipe
_NAMES = ("name", "petname", "odd")
_STRANGE = 0.04  # of the names in training
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SLOT = re.compile(r"\{(\w+)\}")
_MARKS = re.compile(r"\{\w*\}|<\w+>")
_HEARD = {"en": re.compile(r"(?<![\w'])[a-z]{3,}(?![\w'])"), "zh": re.compile(r"(?=([\u4e00-\u9fff]{2}))")}
_LINKS = {"and", "but", "too", "also", "both", "well"}  # between two traits they end the first
_KINDS = ("word", "animal", "colour", "food", "drink", "fruit", "flower", "job", "trait", "everyday", "everyday", "hobby")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def split_of(value: str) -> Split:
    """Two values in twelve are never trained on. Case does not matter."""
    place = zlib.crc32(f"{_FRESH}{value.lower()}".encode()) % 12
    return "held" if place == 0 else "dev" if place == 1 else "train"


def make(kind: str, language: Language, split: Split, rng: Random) -> str:
    """A value of a kind ("name", "city", ...) that belongs to `split`."""
    makers = _makers(language)
    if split == "train" and kind in _NAMES and rng.random() < _STRANGE:
        kind = "strange"
    for _ in range(_TRIES):
        value = makers[kind](rng)
        if split_of(value) == split:
            return value
    # A short list may have no value that is held out.
    return make("invented", language, split, rng)


def nonsense(language: Language, split: Split, rng: Random) -> str:
    """A word of random letters that no list has (`make` of kind "odd" with nothing readable in it)."""
    return make("nonsense", language, split, rng)


@cache
def _words(language: Language) -> dict[str, list[str]]:
    lists: dict[str, str] = texts("values")[language]
    return {kind: [word.strip() for word in words.split(",")] for kind, words in lists.items()}


@cache
def _makers(language: Language) -> dict[str, Maker]:
    words = _words(language)
    makers: dict[str, Maker] = {kind: _pick(items) for kind, items in words.items()}
    invent, nonsense = (_syllables, _random_letters) if language == "en" else (_chinese_name(words), _random_han)
    birthday = _english_date if language == "en" else _chinese_date
    makers |= {
        "age": _age,
        "number": _number,
        "date": birthday,
        "nonsense": nonsense,
        "invented": invent,
        "strange": strange_name,
    }
    makers["name"] = _mix((3, makers["name"]), (4, invent), (2, nonsense), (1, _syllables), (1, _random_letters), (2, _pieces))
    makers["petname"] = _mix((4, makers["petname"]), (2, makers["name"]), (1, nonsense))
    makers["city"] = _mix((4, makers["city"]), (2, invent))
    makers["odd"] = _mix((2, invent), (2, nonsense), (1, makers["food"]), (1, makers["colour"]), (1, _number))
    makers["phrase"] = _phrase(words, language, _KINDS, (1, 1, 2, 3, 4))
    makers["saying"] = _phrase(words, language, ("everyday", "everyday", "word"), (2, 2, 3, 4))
    makers["any"] = _phrase(words, language, _KINDS, (1, 1, 2, 3), [heard(language)] * 6)
    makers |= {kind: _filled(words[kind], makers) for kind in ("cry", "manner")}
    strange = _lowered(_mix((2, invent), (1, nonsense), (2, makers["phrase"])))
    for kind in words.keys() - {"family", "given", "name", "petname", "city", "everyday", "key", "cry", "manner"}:
        makers[kind] = _mix((7, makers[kind]), (2, strange))
    return makers


def _pick(items: list[str]) -> Maker:
    return lambda rng: items[int(rng.random() * len(items))]


def _mix(*weighted: tuple[int, Maker]) -> Maker:
    makers = [maker for weight, maker in weighted for _ in range(weight)]
    return lambda rng: makers[int(rng.random() * len(makers))](rng)


def _lowered(maker: Maker) -> Maker:
    return lambda rng: maker(rng).lower()


def _phrase(
    words: dict[str, list[str]],
    language: Language,
    kinds: tuple[str, ...],
    lengths: tuple[int, ...],
    more: Sequence[list[str]] = (),
) -> Maker:
    """So many words of these lists: something that can be copied but not guessed."""
    lists = [[word for word in words[kind] if split_of(word) == "train"] for kind in kinds]
    lists += more
    space = " " if language == "en" else ""
    return lambda rng: space.join(rng.choice(rng.choice(lists)) for _ in range(rng.choice(lengths)))


def _filled(forms: list[str], makers: dict[str, Maker]) -> Maker:
    """One of the forms with values in its slots: "by my {word}"."""
    return lambda rng: _SLOT.sub(lambda slot: makers[slot[1]](rng), rng.choice(forms))


@cache
def heard(language: Language) -> list[str]:
    """The words (in Chinese: two characters side by side) of all wordings that are trained on.

    A word that is only ever read, never copied, is not copied when it is a value one day ("kind" in "what kind of").
    """
    shared = ("personas", *PARTS)
    banks = [*(texts(f"{name}{language}") for name in ("", "talk_", "frames_")), *(texts(name)[language] for name in shared)]
    found = {
        word for one in banks for text in _trained(one) for word in _HEARD[language].findall(_MARKS.sub("|", text.lower()))
    }
    return sorted(found - _LINKS)


@cache
def texts(name: str) -> dict[str, Any]:
    """One of the TOML files beside this."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))


def _trained(bank: Any) -> Iterator[str]:
    """Every text in it but those that evaluation asks."""
    if isinstance(bank, str):
        yield bank
    elif isinstance(bank, dict):
        yield from (text for key, value in bank.items() if not key.endswith(("held", "dev")) for text in _trained(value))
    elif isinstance(bank, list):
        yield from (text for one in bank for text in _trained(one))


def _syllables(rng: Random) -> str:
    word = "".join(rng.choice(_STARTS) + rng.choice(_VOWELS) for _ in range(rng.randint(1, 3))) + rng.choice(_ENDS)
    return (word if len(word) > 2 else word + "ra").capitalize()


def _random_letters(rng: Random) -> str:
    word = "".join(rng.choice(_LETTERS) for _ in range(rng.randint(4, 9)))
    return word.capitalize() if rng.random() < 0.7 else word


def _pieces(rng: Random) -> str:
    """Of tokens that the tokenizer has: else some of them, which only begin other words, would never be met."""
    heads, tails = _tokens()
    return rng.choice(heads) + "".join(rng.choice(tails) for _ in range(rng.randint(0, 2)))


@cache
def _tokens() -> tuple[list[str], list[str]]:
    """Those that a name can begin with, and those of small letters."""
    known = json.loads(_TOKENIZER.read_text("utf-8"))["model"]["vocab"]
    tails = [token for token in known if token.isascii() and token.islower() and token.isalpha()]
    heads = [token for token in known if token.isascii() and token.istitle() and len(token) > 2]
    return heads + [tail.capitalize() for tail in tails if len(tail) > 2], tails


def _chinese_name(words: dict[str, list[str]]) -> Maker:
    family, given = words["family"], "".join(words["given"])

    def name(rng: Random) -> str:
        first, second = rng.choice(given), rng.choice(given)
        patterns = (first + second, first + second, first, first + first)
        return rng.choice((*family, *family, *family, "小", "阿", "老")) + rng.choice(patterns)

    return name


def _random_han(rng: Random) -> str:
    """Any characters at all, common or not: copying must not depend on knowing them."""
    if rng.random() < 0.25:
        return "".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(rng.randint(2, 4)))
    return "".join(rng.choice(common_han()) for _ in range(rng.randint(2, 4)))


@cache
def common_han() -> str:
    """The 3,755 everyday characters, which the standard GB 2312 lists first."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return b"".join(codes).decode("gb2312", "ignore")


def _age(rng: Random) -> str:
    return str(rng.randint(6, 99))


def _number(rng: Random) -> str:
    return str(rng.randint(1, 9)) + "".join(rng.choice("0123456789") for _ in range(rng.randint(0, 4)))


def _english_date(rng: Random) -> str:
    month, day = rng.choice(_MONTHS), rng.randint(1, 28)
    ending = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}.get(day, "th")
    return rng.choice((f"{month} {day}", f"{day} {month}", f"the {day}{ending} of {month}", f"{month} {day}{ending}"))


def _chinese_date(rng: Random) -> str:
    return f"{rng.randint(1, 12)}月{rng.randint(1, 28)}{rng.choice('日日号')}"
