"""One reply in the making: from token ids to a thought and an answer, with the thought closed when it must end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from workers.engines.base import Ended, Request, Sampling, ThoughtLimit
from workers.engines.errors import EngineError
from workers.engines.generation import Generation
from workers.heart import Watch
from workers.repetition import LoopDetector, last_whole_sentence
from workers.texts import language, say
from workers.thinking import Piece, ThinkSplitter
from workers.tokenizer import Tokenizer

End = Literal["whole", "cut"]
_SURE_TO_DIFFER = 0.6


@dataclass(frozen=True, slots=True)
class Budget:
    """Most new tokens of the thought and of the answer."""

    thought: int
    answer: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask the engine for: the prompt, how to close a thought that runs too long, and how much may be said.

    With a `thought_limit` the engine closes a thought at its budget; one that goes round in circles is closed by us.
    """

    id: str
    prompt: tuple[int, ...]
    close_thought: tuple[int, ...]
    inside: bool
    budget: Budget
    sampling: Sampling
    thought_limit: ThoughtLimit | None = None
    banned_ids: frozenset[int] = frozenset()
    conversation: str = ""

    def again(self) -> Plan:
        """The same with other dice; greedy would only say the same again."""
        temperature = max(self.sampling.temperature, _SURE_TO_DIFFER)
        return replace(self, sampling=replace(self.sampling, temperature=temperature, seed=random.getrandbits(31)))


class Generator(Protocol):
    """What `EngineProcess` is to us."""

    def generate(self, request: Request, timeout: float = 120.0) -> Generation: ...

    def forget(self, conversation: str | None) -> None: ...


class Reply:
    """Grows while the engine writes. `thought` and `answer` are the text so far, `thinking` says which one grows."""

    def __init__(self, plan: Plan, tokenizer: Tokenizer) -> None:
        self.thought = self.answer = ""
        self.end: End = "whole"
        self._plan, self._stop_ids = plan, tokenizer.stop_ids
        self._marks = {tokenizer.think_start, tokenizer.think_end} - {None}
        self._decoder, self._splitter = tokenizer.decoder(), ThinkSplitter(inside=plan.inside)
        self._ids: list[int] = []
        self._usages: list[tuple[int, int] | None] = []
        self._counts_exactly = tokenizer.counts_exactly
        self._begin_part()

    @property
    def num_tokens(self) -> int:
        """Of thought and answer, as far as they are written: as the engine counts them, else as many as there are ids."""
        told = [usage[1] for usage in self._usages if usage]
        return sum(told) if self._is_told else len(self._ids)

    @property
    def num_prompt_tokens(self) -> int:
        """As the engine counts them; 0 where it does not."""
        return next((usage[0] for usage in self._usages if usage), 0)

    @property
    def is_estimate(self) -> bool:
        """Whether `num_tokens` is reckoned from the text."""
        return not (self._counts_exactly or self._is_told)

    @property
    def _is_told(self) -> bool:
        return bool(self._usages) and None not in self._usages

    @property
    def thinking(self) -> bool:
        return self._splitter.thinking

    def write(self, engine: Generator, watch: Watch, on_text: Callable[[Reply], float]) -> None:
        """Let the engine write until the answer ends. A thought that does not end by itself is closed, once.

        `on_text` is told when there is more, and says from what time on it wants to be told again.
        """
        self._run(engine, watch, on_text)
        if self.thinking and self._plan.close_thought and watch.reason is None:
            self._force(self._plan.close_thought)
            if self._room > 0:
                self._run(engine, watch, on_text)
            else:
                self._cut()
        if self.end == "whole" and watch.reason is None:
            self._finish()
        self.answer = self.answer.rstrip()

    def _finish(self) -> None:
        """What waits for more is text after all. Behind what was cut or stopped it is half a character, or half a tag."""
        self._feed(self._decoder.flush())
        self._add(self._splitter.finish())

    def _run(self, engine: Generator, watch: Watch, on_text: Callable[[Reply], float]) -> None:
        self._usages.append(None)
        with engine.generate(self._request()) as generation:
            watch.attach(generation.cancel)
            look_at = 0.0
            while ids := generation.read(look_at):
                is_enough = self._take(ids)
                look_at = on_text(self)
                if is_enough:
                    return
        assert generation.ended is not None, "a generation that was read to its end has one"
        self._usages[-1] = generation.ended.usage
        self._judge(generation.ended)

    def _request(self) -> Request:
        """What is still to be written, after all that is written already."""
        plan, budget = self._plan, self._plan.budget
        # Where the prompt opens no thought, many a model opens one itself.
        may_begin = not self._ids and not plan.banned_ids
        may_think = self.thinking or may_begin or not plan.close_thought
        limit = plan.thought_limit if self.thinking else None
        most = budget.answer + (budget.thought if may_think else 0) + (len(limit.closing) if limit else 0)
        prompt, most = (*plan.prompt, *self._ids), min(most, self._room)
        return Request(plan.id, prompt, most, self._stop_ids, plan.sampling, plan.banned_ids, limit, plan.conversation)

    @property
    def _room(self) -> int:
        """Tokens that are left of those for which the prompt has made room; a second thought takes of them too."""
        budget = self._plan.budget
        return budget.thought + len(self._plan.close_thought) + budget.answer - len(self._ids)

    def _force(self, ids: Iterable[int]) -> None:
        for id in ids:
            self._ids.append(id)
            self._feed(self._decoder.feed((id,)))
        self._begin_part()

    def _take(self, ids: tuple[int, ...]) -> bool:
        """Take new tokens, up to where the thought or the answer must end; true when it must."""
        return any(self._take_run(run) for run in self._runs(ids))

    def _runs(self, ids: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Tags by themselves and what is between them: how long a thought and an answer are is counted from there.

        Where a tag is no token it may begin and end anywhere.
        """
        if not self._marks:
            yield from ((id,) for id in ids)
            return
        start = 0
        for at in () if self._marks.isdisjoint(ids) else range(len(ids)):
            if ids[at] in self._marks:
                yield from filter(None, (ids[start:at], ids[at : at + 1]))
                start = at + 1
        if start < len(ids):
            yield ids[start:]

    def _take_run(self, run: tuple[int, ...]) -> bool:
        if len(run) > 1 and self._can_end and len(run) > self._most - self._num_tokens:
            return any(self._take_run((id,)) for id in run)
        was_thinking = self.thinking
        run = run[: self._loop.take(run)]
        self._ids += run
        self._feed(self._decoder.feed(run))
        if self.thinking != was_thinking:
            self._begin_part()
        self._num_tokens += len(run)
        is_enough = self._loop.looping or (self._num_tokens >= self._most and self._can_end)
        if is_enough and not self.thinking:
            self._cut()
        return is_enough

    def _begin_part(self) -> None:
        self._num_tokens, self._loop = 0, LoopDetector()

    @property
    def _most(self) -> int:
        return self._plan.budget.thought if self.thinking else self._plan.budget.answer

    @property
    def _can_end(self) -> bool:
        """A thought that cannot be closed for the model goes on, as far as the request goes; to stop it leaves no answer.
        Nor do we stop one that the engine closes.
        """
        return not self.thinking or (bool(self._plan.close_thought) and self._plan.thought_limit is None)

    def _feed(self, text: str) -> None:
        self._add(self._splitter.feed(text))

    def _add(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.kind == "thought":
                self.thought += piece.text
            else:
                self.answer += piece.text

    def _judge(self, ended: Ended) -> None:
        if ended.reason in ("refused", "error"):
            raise EngineError(say(language(), "engine-gave-up", reason=ended.reason, detail=ended.detail))
        if ended.reason == "length" and not self.thinking:
            self._cut()

    def _cut(self) -> None:
        self.end = "cut"
        self.answer = last_whole_sentence(self.answer) or self.answer
