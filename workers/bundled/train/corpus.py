"""Dialogues as the model sees them: in R1's form, as token ids, with a mask over what is to be learnt.

Everything follows from a seed. Nothing is read but the TOML files beside this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from .acts import ACTS, play
from .dialogue import Dialogue, Exchange
from .personas import Sheet, invent
from .phrases import phrases
from .values import Language, Split

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

BOS, EOS, USER, ASSISTANT = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"
THINK, END_THINK = "<think>", "</think>"
SPECIAL = (BOS, EOS, USER, ASSISTANT, THINK, END_THINK)
RULE = "\n---\n"
CONTEXT = 2048
_WEIGHTS = {
    "tell": 23,
    "ask": 33,
    "unknown": 11,
    "correct": 8,
    "forget": 2,
    "forgotten": 2,
    "many": 3,
    "who": 9,
    "trait": 12,
    "human": 2,
    "talk": 13,
    "ramble": 3,
    "sum": 6,
    "repeat": 4,
    "language": 1,
}
_HIDDEN = 0.08  # personas whose word is shown by former answers alone
_OF_ITSELF = ("who", "trait", "human")  # what people ask of a new persona
_ACTS = [act for act in ACTS for _ in range(_WEIGHTS[act])]

Mode = Literal["open", "closed", "forced"]
Piece = tuple[str, bool]  # text or a special token, and whether it is to be learnt


@dataclass(frozen=True, slots=True)
class Sample:
    """A dialogue up to and with its last answer. `mode`: the thought is thought, skipped, or cut off half-way.

    The first `num_old` answers were another persona's, or show what its description hides: they are read and not learnt.
    """

    sheet: Sheet
    exchanges: tuple[Exchange, ...]
    mode: Mode = "open"
    cut: float = 1.0
    wrap_up: str = "\n"
    blank_answers: bool = False
    num_old: int = 0

    @property
    def last(self) -> Exchange:
        return self.exchanges[-1]

    def said(self, number: int) -> str:
        """What the person's turn holds: the first begins with the persona's block."""
        said = self.exchanges[number].said
        return f"{self.sheet.block}{RULE}{said}" if number == 0 and self.sheet.block else said

    def prompt(self) -> list[Piece]:
        """Up to and with the opening of the thought: what an engine is given."""
        pieces: list[Piece] = [(BOS, False)]
        for number, exchange in enumerate(self.exchanges[:-1]):
            pieces += [(USER, False), (self.said(number), False), (ASSISTANT, False)]
            blank = [("\n\n", False)] if self.blank_answers else []
            is_learnt = number >= self.num_old and exchange.is_learnt
            pieces += [*blank, (exchange.answer, is_learnt), (EOS, is_learnt)]
        return [*pieces, (USER, False), (self.said(-1 % len(self.exchanges)), False), (ASSISTANT, False), (THINK, False)]

    def reply(self) -> list[Piece]:
        thought, is_learnt = self.last.thought, self.last.is_learnt
        ending = [(END_THINK, False), ("\n\n", False), (self.last.answer, is_learnt), (EOS, is_learnt)]
        if self.mode == "closed":
            return [("\n\n", False), *ending]
        if self.mode == "forced":
            return [("\n" + thought[: int(len(thought) * self.cut)] + self.wrap_up, False), *ending]
        return [("\n", False), (thought + "\n", True), (END_THINK, True), ("\n\n", True), *ending[2:]]

    def text(self) -> str:
        return "".join(piece for piece, _ in (*self.prompt(), *self.reply()))


def dialogue(rng: Random, split: Split, *, vivid: bool = False, **how: bool) -> Dialogue:
    """One with a persona and nothing said yet."""
    language: Language = rng.choice(("en", "zh"))
    if not vivid and split == "train" and rng.random() < 0.02:
        return Dialogue(rng, split, language)
    return Dialogue(rng, split, language, persona(rng, split, language, vivid=vivid, **how))


def persona(rng: Random, split: Split, language: Language, *, vivid: bool = False, **how: bool) -> Sheet:
    """For a person who writes in `language`; a vivid one is of that language, too."""
    other = rng.choice(("en", "zh")) if not vivid and rng.random() < 0.25 else language
    return invent(phrases(other, split), rng, language, vivid=vivid, **how)


def sample(rng: Random) -> Sample:
    """A dialogue to learn from, 1 to 12 turns; in some, the person changes language now and then, or the persona."""
    is_hidden = rng.random() < _HIDDEN
    talk = dialogue(rng, "train", vivid=is_hidden or rng.random() < 0.42, hidden=is_hidden)
    changes, talk.is_long = rng.random() < 0.15, rng.random() < 0.16
    acts = [*_ACTS, *["ramble"] * 30] if talk.is_long else _ACTS
    num_turns = rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12))
    if not is_hidden and talk.sheet.catch and rng.random() < 0.3:
        # Only a first answer shows whether the word was found in the description: later ones see it said before.
        num_turns, acts = rng.choice((1, 1, 1, 2)), [*acts, *_OF_ITSELF[:2] * 40]
    is_replaced = not is_hidden and rng.random() < 0.15
    num_old = rng.randrange(num_turns) if is_replaced else int(is_hidden)
    for turn in range(num_turns + is_hidden):
        if is_replaced and num_old and turn == num_old:
            talk.sheet = persona(rng, "train", talk.language, vivid=rng.random() < 0.4)
        if changes and rng.random() < 0.3:
            talk.language = rng.choice(("en", "zh"))
        play(talk, rng.choice(_OF_ITSELF) if num_old and turn == num_old and rng.random() < 0.4 else rng.choice(acts))
    return finish(talk, rng, num_old)


def finish(talk: Dialogue, rng: Random, num_old: int = 0) -> Sample:
    """The last turn gets its thought: mostly whole, sometimes none, sometimes cut off as the service does it."""
    mode: Mode = rng.choice(("open", "open", "open", "open", "open", "closed", "closed", "forced"))
    wrap_ups = phrases(talk.language, "train").personas["wrap_up"]
    wrap_up, blank = rng.choice(wrap_ups), rng.random() < 0.1
    return Sample(talk.sheet, tuple(talk.exchanges), mode, rng.random(), wrap_up, blank_answers=blank, num_old=num_old)


def samples(seed: str) -> Iterator[Sample]:
    rng = Random(seed)  # noqa: S311
    while True:
        yield sample(rng)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Many dialogues end to end: `ids` (uint16) and `learnt` (bool), and where each begins and ends (`bounds`)."""

    ids: np.ndarray[Any, Any]
    learnt: np.ndarray[Any, Any]
    bounds: np.ndarray[Any, Any]


def tokenize(tokenizer: Tokenizer, many: list[Sample]) -> Tokens:
    """Ids of samples; those longer than the context are left out."""
    import numpy as np

    special: dict[str, int] = {mark: tokenizer.get_vocab()[mark] for mark in SPECIAL}
    pieces = [[*one.prompt(), *one.reply()] for one in many]
    texts = [text for one in pieces for text, _ in one if text not in special]
    encoded = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
    ids: list[int] = []
    learnt: list[bool] = []
    bounds = [0]
    for one in pieces:
        for text, learn in one:
            new = [special[text]] if text in special else next(encoded).ids
            ids += new
            learnt += [learn] * len(new)
        if len(ids) - bounds[-1] > CONTEXT:
            del ids[bounds[-1] :], learnt[bounds[-1] :]
        else:
            bounds.append(len(ids))
    return Tokens(np.array(ids, np.uint16), np.array(learnt, bool), np.array(bounds, np.int64))
