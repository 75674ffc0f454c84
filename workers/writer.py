"""Has the model write one reply: prompt, budgets, sampling, a second attempt when nothing came, drafts on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from redis.exceptions import RedisError

from bot.core.messages import Conversation, Draft, Line, Thinking, Turn
from bot.core.personas import Persona
from bot.core.settings import Settings
from workers.ahead import Ahead
from workers.engines.base import Limits, Sampling, ThoughtLimit
from workers.heart import Watch
from workers.known import Histories
from workers.measures import written
from workers.prompt import Prompt, PromptTooLong, close_thought_ids, write_beginning, write_prompt
from workers.reply import Budget, Generator, Plan, Reply
from workers.tokenizer import Tokenizer

_DRAFT_SECONDS = 0.1
_DRAFTS_PER_SECOND = 250
"""Of all replies of a worker together: with more than 25 at once, each has fewer. No platform lets a bot show half of them."""
_STILL_SECONDS = 2.0
"""So often it is told that a hidden thought goes on: what platforms show for it stands for five seconds."""
_FIRST_DRAFT_SECONDS = 0.03
"""A reply that is whole by then needs no draft."""
_BUSY = 16
"""With so many replies in the making, the engine has no idle moment before the next message."""
_TEMPERATURE, _TOP_P = 0.6, 0.95

_ANY_TEXT = "1"

Publish = Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be answered, by whom and after what. `fence` orders the drafts of different tries."""

    turn: str
    conversation: Conversation
    fence: int
    lines: tuple[Line, ...]
    turns: tuple[Turn, ...]
    chapter: int
    persona: Persona
    thinking: Thinking
    language: str

    @property
    def text(self) -> str:
        return "\n".join(line.said for line in self.lines)


class Writer:
    """Threads share it; it keeps nothing between replies. `tokenizer` and `limits` are asked for: they come with the model.

    `num_processes` is how many share the engine and the work.
    """

    def __init__(
        self,
        engine: Generator,
        tokenizer: Callable[[], Tokenizer],
        limits: Callable[[], Limits],
        settings: Settings,
        num_processes: int = 1,
    ) -> None:
        self._num_processes = num_processes
        self._engine, self._tokenizer, self._limits, self._settings = engine, tokenizer, limits, settings
        self._histories, self._ahead = Histories(), Ahead(engine)
        self._writing: list[None] = []  # one for each reply in the making

    def write(self, task: Task, watch: Watch, publish: Publish) -> tuple[Prompt, Reply]:
        """Raises `PromptTooLong`, or `EngineError` when another try may help. Interrupts end the reply early."""
        plan, prompt = self._plan(task)
        drafts = _Drafts(task, publish, self._pause)  # of both attempts: whoever follows takes a lower number for an older one
        reply = self._attempt(plan, watch, drafts)
        if not reply.answer and watch.reason is None:
            reply = self._attempt(plan.again(), watch, drafts)
        if watch.reason == "lost":
            # Perhaps it was erased before the engine was asked.
            self.forget(str(task.conversation))
        return prompt, reply

    def forget(self, conversation: str | None, is_erased: bool = True) -> None:
        """What was said there, or anywhere, was erased, or has but changed: nothing that was made of it is kept.

        What an engine has read is of no harm as long as nothing was erased, and dear to read again.
        """
        self._histories.forget(conversation)
        self._ahead.drop(conversation)
        if is_erased:
            self._engine.forget(conversation)

    def _plan(self, task: Task) -> tuple[Plan, Prompt]:
        known, budget = self._histories.of(str(task.conversation)), self._budget()
        known.begin()
        self._ahead.drop(str(task.conversation))
        tokenizer = self._tokenizer().knowing(known)
        closing = close_thought_ids(tokenizer, task.language)
        prompt = self._prompt(tokenizer, task, task.turns, task.text)
        inside = tokenizer.opens_thought and task.thinking != "off"
        sampling, conversation = _sampling(task.persona), str(task.conversation)
        plan = Plan(task.turn, prompt.ids, closing, inside, budget, sampling, conversation=conversation)
        return (_steered(plan, tokenizer) if self._limits().steers else plan), prompt

    def _prompt(self, tokenizer: Tokenizer, task: Task, turns: tuple[Turn, ...], text: str) -> Prompt:
        budget = self._budget()
        reply = budget.thought + len(close_thought_ids(tokenizer, task.language)) + budget.answer
        return write_prompt(
            tokenizer,
            task.persona,
            turns,
            text,
            user=task.lines[-1].author,
            language=task.language,
            max_tokens=self._limits().context - reply,
            thinks=task.thinking != "off",
        )

    def read_ahead(self, task: Task, turn: Turn) -> None:
        """Have the engine read, while it is idle, what this conversation's next prompt will begin with, if it can."""
        conversation = str(task.conversation)
        known = self._histories.find(conversation)
        if known and self._limits().steers and self._num_writing < _BUSY:
            with suppress(PromptTooLong):
                tokenizer = self._tokenizer().knowing(known)
                prompt = self._prompt(tokenizer, task, (*task.turns, turn), _ANY_TEXT)
                if ids := write_beginning(tokenizer, prompt, task.thinking != "off"):
                    self._ahead.read(conversation, ids)
            if self._histories.find(conversation) is not known:
                # It was erased meanwhile, perhaps before the engine was asked.
                self.forget(conversation)

    def _budget(self) -> Budget:
        """What the settings allow, but never more than half of the context, so that memory has room."""
        quarter = self._limits().context // 4
        return Budget(min(self._settings.thought_tokens, quarter), min(self._settings.answer_tokens, quarter))

    def _attempt(self, plan: Plan, watch: Watch, drafts: _Drafts) -> Reply:
        reply = Reply(plan, self._tokenizer())
        began_at = time.monotonic()
        self._writing.append(None)
        try:
            reply.write(self._engine, watch, drafts.offer)
        finally:
            self._writing.pop()
        written(reply.num_tokens, time.monotonic() - began_at, is_estimate=reply.is_estimate)
        return reply

    def _pause(self) -> float:
        """Seconds between two drafts of a reply."""
        return max(_DRAFT_SECONDS, self._num_writing / _DRAFTS_PER_SECOND)

    @property
    def _num_writing(self) -> int:
        """Replies in the making, in all processes, if each has as many as this one."""
        return len(self._writing) * self._num_processes


def _steered(plan: Plan, tokenizer: Tokenizer) -> Plan:
    """The same where the engine itself ends a thought in time, and keeps the model from beginning a second one."""
    banned = (tokenizer.think_start,) if tokenizer.opens_thought and tokenizer.think_start is not None else ()
    limit = None
    if plan.inside and tokenizer.think_end is not None:
        limit = ThoughtLimit(plan.budget.thought, tokenizer.think_end, plan.close_thought)
    return replace(plan, thought_limit=limit, banned_ids=frozenset(banned))


def _sampling(persona: Persona) -> Sampling:
    """R1's own advice, unless the persona says otherwise."""
    temperature = _TEMPERATURE if persona.temperature is None else persona.temperature
    return Sampling(temperature, _TOP_P if persona.top_p is None else persona.top_p)


class _Drafts:
    """Publishes the reply so far, now and then. Thoughts leave the worker only if the person wants to see them."""

    def __init__(self, task: Task, publish: Publish, pause: Callable[[], float]) -> None:
        self._publish, self._pause, self._show_thought = publish, pause, task.thinking == "show"
        where, asked = str(task.conversation), task.lines[-1].message_id
        self._draft = Draft(where, task.turn, task.fence, 0, thinking=True, thought="", answer="", reply_to=asked)
        self._next_at, self._sent_at = time.monotonic() + _FIRST_DRAFT_SECONDS, float("-inf")

    def offer(self, reply: Reply) -> float:
        """Gives the time before which the next would not go out."""
        now = time.monotonic()
        if now >= self._next_at:
            self._next_at = now + self._pause()
            if self._grow(reply) or now >= self._sent_at + _STILL_SECONDS:
                self._sent_at = now
                self._send()
        return self._next_at

    def _grow(self, reply: Reply) -> bool:
        """Whether there is anything new to show."""
        last, thought = self._draft, reply.thought if self._show_thought else ""
        self._draft = replace(last, thinking=reply.thinking, thought=thought, answer=reply.answer)
        return self._draft != last

    def _send(self) -> None:
        self._draft = replace(self._draft, seq=self._draft.seq + 1)
        with suppress(RedisError):  # drafts may be lost; the final holds everything
            self._publish(self._draft)
