"""What the echo engine answers: a pure function of the prompt, so that a second run says the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, cycle, islice, pairwise
from pathlib import Path
from tempfile import gettempdir

from workers.engines.echo import ASSISTANT, BEGIN, END, END_THINK, THINK, USER

DIE = -1
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_DIRECTIVE = re.compile(
    r"#(?:(?P<number>long|think|code)\s+(?P<n>\d{1,6})|(?P<path>die-file)\s+(?P<file>\S+)"
    r"|(?P<plain>history|persona|slow|noclose|eos-in-thought|empty|loop-answer|loop|die|nothink))(?![\w-])"
)


@dataclass(frozen=True)
class Prompt:
    """A prompt taken apart: the person's turns, the persona block before the first, what is already written."""

    said: tuple[str, ...]
    persona: str
    written: tuple[int, ...]

    @cached_property
    def directives(self) -> dict[str, str]:
        """Directive -> its argument, from the last thing the person said."""
        found = _DIRECTIVE.finditer(self.last)
        return {m["number"] or m["path"] or m["plain"]: m["n"] or m["file"] or "" for m in found}

    @property
    def last(self) -> str:
        return self.said[-1] if self.said else ""

    @property
    def words(self) -> str:
        """The last thing the person said without its directives."""
        return " ".join(_DIRECTIVE.sub("", self.last).split())


def read(ids: Sequence[int]) -> Prompt:
    """Take a prompt apart; in the first user turn the persona's text ends with the last line `---`."""
    turns = _split(ids)
    said = [_text(body) for kind, body in turns if kind == USER]
    persona = ""
    if said:
        persona, said[0] = _part(said[0])
    kind, body = turns[-1] if turns else (END, ())
    return Prompt(tuple(said), persona, body if kind == ASSISTANT else ())


def write(prompt: Prompt) -> Iterator[int]:
    """The ids that follow `prompt`, the end of sentence last; `DIE` stands where the engine must die."""
    written = prompt.written
    if END_THINK in written:
        return _go_on(lambda: chain(_bytes("\n\n"), _answer(prompt)), _behind(written, END_THINK))
    if THINK in written:
        return _go_on(lambda: chain(_bytes("\n"), _thought_and_answer(prompt)), _behind(written, THINK))
    return _go_on(lambda: _answer(prompt), written)


def _go_on(plan: Callable[[], Iterator[int]], written: tuple[int, ...]) -> Iterator[int]:
    """`plan` from where `written` leaves it, or from its start where something else is written."""
    ids = plan()
    return ids if tuple(islice(ids, len(written))) == written else plan()


def _thought_and_answer(prompt: Prompt) -> Iterator[int]:
    asked = prompt.directives
    if "nothink" in asked:
        return _answer(prompt)
    if "loop" in asked:
        return cycle(_bytes("I should think about this once more. "))
    if "noclose" in asked:
        return chain.from_iterable(_bytes(f"Thought {i}. ") for i in count(1))
    if "eos-in-thought" in asked:
        return chain(_bytes(_thought(prompt)), [END])
    return chain(_bytes(_thought(prompt)), [END_THINK], _bytes("\n\n"), _answer(prompt))


def _thought(prompt: Prompt) -> str:
    if "think" in prompt.directives:
        return _words("thought", prompt.directives["think"]) + "\n"
    return "用户在和我说话,我来友好地回答。\n" if _is_chinese(prompt) else "They wrote to me. I will answer kindly.\n"


def _answer(prompt: Prompt) -> Iterator[int]:
    asked = prompt.directives
    if "empty" in asked:
        return iter([END])
    if "loop-answer" in asked:
        return cycle(_bytes("I say this again and again. "))
    text = _bytes(_answer_text(prompt))
    if "die" in asked or "die-file" in asked:
        return chain(_dying(text, asked.get("die-file")), [END])
    return chain(text, [END])


def _answer_text(prompt: Prompt) -> str:
    asked = prompt.directives
    if "history" in asked:
        earlier = prompt.said[:-1]
        return f"Before this you said {len(earlier)}:" + "".join(f"\n{i}. {said}" for i, said in enumerate(earlier, 1))
    if "persona" in asked:
        return prompt.persona.split("\n")[0]
    if "long" in asked:
        return _words("word", asked["long"])
    if "code" in asked:
        return "\n\n".join(map(_lesson, range(1, int(asked["code"]) + 1)))
    return f"你说:{prompt.words}。我在听。" if _is_chinese(prompt) else f"You said: {prompt.words}. I am listening."


def _dying(text: bytes, file: str | None) -> Iterator[int]:
    yield from text[: len(text) // 2]
    if file is None or _taken_away(Path(file)):
        yield DIE
    yield from text[len(text) // 2 :]


def _taken_away(file: Path) -> bool:
    # Anybody who may write to the bot can name a file: none outside the temporary folder is touched.
    if not file.resolve().is_relative_to(Path(gettempdir()).resolve()) or not file.is_file():
        return False
    file.unlink()
    return True


def _words(word: str, number: str) -> str:
    return " ".join(f"{word}{i}" for i in range(1, int(number) + 1))


def _lesson(number: int) -> str:
    """About 500 characters of Markdown with code in it."""
    prose = f"**Step {number}.** " + " ".join(f"This is sentence {i} of step {number}." for i in range(1, 8))
    code = "\n".join(f"    value_{i} = compute({number}, {i})  # 第 {i} 行" for i in range(1, 6))
    return f"{prose}\n\n```python\ndef step_{number}():\n{code}\n```"


def _is_chinese(prompt: Prompt) -> bool:
    return _CHINESE.search(prompt.last) is not None


def _split(ids: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Cut before each of begin, user, assistant and end: (that id, the ids behind it)."""
    cuts = [i for i, id in enumerate(ids) if id in (BEGIN, USER, ASSISTANT, END)]
    return [(ids[start], tuple(ids[start + 1 : end])) for start, end in pairwise([*cuts, len(ids)])]


def _behind(ids: tuple[int, ...], mark: int) -> tuple[int, ...]:
    return ids[len(ids) - ids[::-1].index(mark) :]


def _part(turn: str) -> tuple[str, str]:
    """Persona block and the person's words of the first user turn."""
    persona, line, said = ("\n" + turn).rpartition("\n---\n")
    return (persona.removeprefix("\n"), said) if line else ("", turn)


def _bytes(text: str) -> bytes:
    return text.encode()


def _text(ids: Sequence[int]) -> str:
    return bytes(id for id in ids if id < 256).decode(errors="replace")
