"""How good the model is: `python -m workers.bundled.train.evaluate [FOLDER] [--samples N] [--dev] [--json FILE]`.

Held-out values, wordings and personas; greedy where nothing else is said. Prints a table; exit status 1 below a bar.
`--dev` asks in other wordings, which may be looked at while the recipe is worked on; the held-out ones may not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from . import exam
from .corpus import END_THINK, EOS, SPECIAL, THINK
from .exam import Question, Skill
from .phrases import phrases
from .tokenizer import FOLDER, load
from .values import Split

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

MAX_REPLY = 200
_TOKENS_A_BATCH = {"cpu": 20_000, "cuda": 1_500_000}
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SPEAKER = re.compile(r"^\s*(user|human|用户|人类)\s*[:：]", re.IGNORECASE | re.MULTILINE)

Judge = Callable[[Question, str], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the share of right answers, and the bar it should reach (0 where there is none)."""

    skill: str
    share: float
    bar: float
    num: int


@dataclass(frozen=True, slots=True)
class Test:
    skill: str
    bar: float
    make: Skill
    judge: Judge
    share: float = 0.1  # of `--samples`


def answer_of(reply: str) -> str:
    """What is said aloud."""
    return reply.split(END_THINK)[-1].removesuffix(EOS).strip()


def is_right(question: Question, reply: str) -> bool:
    answer, last = answer_of(reply).casefold(), question.last
    named = any(word.casefold() in answer for word in last.unwanted if word.casefold() not in _known(question))
    return all(word.casefold() in answer for word in last.wanted) and not named


def _known(question: Question) -> str:
    """Words that a right answer may hold whatever they mean elsewhere: a cat may be called like the persona."""
    sheet = question.sample.sheet
    return " ".join((sheet.name, sheet.catch, sheet.user, *question.last.wanted, question.last.answer)).casefold()


def says_unknown(question: Question, reply: str) -> bool:
    markers = phrases(question.last.language, "held").bank["frames"]["unknown_markers"]
    return is_right(question, reply) and any(marker in answer_of(reply) for marker in markers)


def in_language(question: Question, reply: str) -> bool:
    answer = answer_of(reply)
    for word in sorted(question.told, key=len, reverse=True):
        answer = answer.replace(word, "")
    has_han, has_latin = bool(_HAN.search(answer)), bool(re.search(r"[A-Za-z]{2}", answer))
    # "3 + 4 = 7" is in every language.
    return has_han or not has_latin if question.last.language == "zh" else not has_han


def is_well_formed(question: Question, reply: str) -> bool:
    """One closed thought, an answer, and an end."""
    return reply.count(END_THINK) == 1 and reply.count(THINK) == 0 and reply.endswith(EOS) and bool(answer_of(reply))


def is_clean(question: Question, reply: str) -> bool:
    """Nobody else speaks in it, and no mark shows."""
    answer = answer_of(reply)
    user = question.sample.sheet.user
    speaks = _SPEAKER.search(answer) or (user and re.search(rf"^{re.escape(user)}\s*[:：]", answer, re.MULTILINE))
    return not speaks and not any(mark in answer for mark in SPECIAL)


TESTS = (
    Test("recall, English, 1-8 turns", 0.95, exam.recall("en"), is_right, 0.2),
    Test("recall, Chinese, 1-8 turns", 0.95, exam.recall("zh"), is_right, 0.2),
    Test("recall a nonsense name", 0.90, exam.nonsense_name, is_right),
    Test("say it was not told", 0.95, exam.unknown, says_unknown),
    Test("persona: name", 0.95, exam.persona("who"), is_right),
    Test("persona: trait", 0.95, exam.persona("trait"), is_right),
    Test("persona: its word in small talk", 0.95, exam.persona("talk"), is_right),
    Test("language of the last message", 0.98, exam.language, in_language),
    Test("corrected fact", 0.90, exam.corrected, is_right),
    Test("sums, worked in the thought", 0.90, exam.sums(), is_right),
    Test("well-formed, greedy", 0.995, exam.anything, is_well_formed, 0.4),
    Test("recall over long messages", 0, exam.recall("en", far=True), is_right),
    Test("recall, thinking off", 0, exam.recall("en", "closed"), is_right),
    Test("recall, thinking off, Chinese", 0, exam.recall("zh", "closed"), is_right),
    Test("persona: name, thinking off", 0, exam.persona("who", "closed"), is_right),
    Test("persona: name, unseen block wording", 0, exam.persona("who", strange=True), is_right),
    Test("persona: name, after a change of persona", 0, exam.persona("who", changed=True), is_right),
    Test("sums, thinking off", 0, exam.sums("closed"), is_right),
)


class Examiner:
    """Asks the model in batches, and says what it replied."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self.device == "cuda" else torch.float32  # without a GPU, bf16 is slow
        self.tokenizer: Tokenizer = load(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self.model: PreTrainedModel = model.to(self.device).eval()

    def prompt(self, question: Question) -> list[int]:
        ending = "\n" if question.mode == "open" else f"\n\n{END_THINK}\n\n"
        text = "".join(piece for piece, _ in question.sample.prompt())
        return self.tokenizer.encode(text + ending, add_special_tokens=False).ids

    def replies(self, questions: list[Question], *, temperature: float = 0.0) -> list[str]:
        """One reply each, in order, from the thought on; with its end mark where it ended by itself."""
        prompts = [self.prompt(question) for question in questions]
        found: dict[int, str] = {}
        for numbers in _batches(prompts, _TOKENS_A_BATCH[self.device]):
            found |= zip(numbers, self._generate([prompts[n] for n in numbers], temperature), strict=True)
        return [_with_opening(question, found[n]) for n, question in enumerate(questions)]

    def _generate(self, prompts: list[list[int]], temperature: float) -> list[str]:
        import torch

        end = self.tokenizer.token_to_id(EOS)
        width = max(map(len, prompts))
        ids = torch.tensor([[end] * (width - len(prompt)) + prompt for prompt in prompts], device=self.device)
        seen = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self.device)
        sampling: dict[str, Any] = {"do_sample": True, "temperature": temperature, "top_p": 0.95, "top_k": 0}
        sampling = sampling if temperature else {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        with torch.inference_mode():
            made = self.model.generate(ids, attention_mask=seen, max_new_tokens=MAX_REPLY, pad_token_id=end, **sampling)  # type: ignore[operator]
        return [self._text(row) for row in made[:, width:].tolist()]

    def _text(self, ids: list[int]) -> str:
        end = self.tokenizer.token_to_id(EOS)
        ids = ids[: ids.index(end) + 1] if end in ids else ids
        return self.tokenizer.decode(ids, skip_special_tokens=False)


def _batches(prompts: list[list[int]], num_tokens: int) -> Iterator[list[int]]:
    """Numbers of prompts of about one length."""
    order = sorted(range(len(prompts)), key=lambda n: -len(prompts[n]))
    start = 0
    while start < len(order):
        rows = max(1, num_tokens // (len(prompts[order[start]]) + MAX_REPLY))
        yield order[start : start + rows]
        start += rows


def _with_opening(question: Question, reply: str) -> str:
    return reply if question.mode == "open" else f"{END_THINK}{reply}"


def examine(examiner: Examiner, num: int, show: int = 0, split: Split = "held") -> list[Row]:
    """The whole table; `num` is how many replies the largest row has, `show` how many wrong ones to print a row."""
    papers = [_questions(test, num, split) for test in TESTS]
    # All in one go: batches are large then, and dialogues in them of one length.
    replies = iter(examiner.replies([question for paper in papers for question in paper]))
    rows = [_mark(test, paper, [*islice(replies, len(paper))], show) for test, paper in zip(TESTS, papers, strict=True)]
    rng = Random("exam/2/sampled")  # noqa: S311
    questions = [exam.anything(rng, split) for _ in range(num)]
    sampled = examiner.replies(questions, temperature=0.6)
    for skill, bar, judge in (
        ("well-formed, temperature 0.6", 0.995, is_well_formed),
        ("never another speaker or mark", 1.0, is_clean),
    ):
        rows.append(_mark(Test(skill, bar, exam.anything, judge), questions, sampled, show))
    return rows


def _questions(test: Test, num: int, split: Split) -> list[Question]:
    rng = Random(f"exam/2/{test.skill}")  # noqa: S311
    return [test.make(rng, split) for _ in range(max(10, int(num * test.share)))]


def _mark(test: Test, questions: list[Question], replies: list[str], show: int) -> Row:
    wrong = [(q, reply) for q, reply in zip(questions, replies, strict=True) if not test.judge(q, reply)]
    for question, reply in wrong[:show]:
        print(f"-- {test.skill}: {question.last.said!r} wanted {question.last.wanted} got {reply!r}")
    return Row(test.skill, 1 - len(wrong) / len(questions), test.bar, len(questions))


def speed(examiner: Examiner, num: int = 200) -> float:
    """Tokens a second of one reply, greedy, through transformers."""
    import torch

    ids = torch.tensor([examiner.prompt(exam.anything(Random("speed"), "held"))], device=examiner.device)  # noqa: S311
    options: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "eos_token_id": None}
    for length in (8, num):
        began = time.perf_counter()
        with torch.inference_mode():
            examiner.model.generate(ids, max_new_tokens=length, **options)  # type: ignore[operator]
        spent = time.perf_counter() - began
    return num / spent


def table(rows: list[Row]) -> str:
    lines = ["| skill | reached | bar | questions |", "|---|---|---|---|"]
    for row in rows:
        bar = f"{row.bar:.1%}" if row.bar else "-"
        mark = "" if row.share >= row.bar else " **(missed)**"
        lines.append(f"| {row.skill} | {row.share:.2%}{mark} | {bar} | {row.num} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--samples", type=int, default=5000, help="replies of the largest row (a CPU takes 100)")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--dev", action="store_true", help="the wordings that may guide the recipe, not the held-out ones")
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print for each row")
    options = parser.parse_args(arguments)
    examiner = Examiner(options.folder)
    rows = examine(examiner, options.samples, options.show, "dev" if options.dev else "held")
    tokens_a_second = speed(examiner)
    print(table(rows))
    print(f"\n{tokens_a_second:.0f} tokens a second on {examiner.device}, one at a time")
    if options.json:
        figures = {"rows": [asdict(row) for row in rows], "tokens_a_second": tokens_a_second, "device": examiner.device}
        options.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0 if all(row.share >= row.bar for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
