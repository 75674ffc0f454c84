"""From a lease to the end of its turn: reads memory and persona, has the reply written, and says how the turn ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from redis.exceptions import RedisError

from bot.core.lease import Lease, Remember
from bot.core.memory import Memory
from bot.core.messages import Conversation, Draft, Failed, FailedReason, Final, Finished, Line, Note, Thinking, Turn, new_turn_id
from bot.core.people import People, Preferences
from bot.core.personas import Persona, Personas
from bot.core.settings import Settings
from workers.engines.base import Sampling
from workers.heart import Watch
from workers.prompt import Prompt, PromptTooLong, close_thought_ids, write_prompt
from workers.reply import Budget, Generator, Plan, Reply
from workers.tokenizer import Tokenizer

_DRAFT_SECONDS = 0.1
_CLOSING_TOKENS = 32
"""Room for the words that close a thought."""
_TOP_P, _TEMPERATURE = 0.95, 0.6


class Interrupted(Exception):
    """The reply is not this worker's to end: the lease was lost, or is handed back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ends: the final for the person, and what memory keeps of it."""

    final: Final
    turn: Turn | None = None
    remember: Remember = "none"


@dataclass(frozen=True, slots=True)
class Task:
    """Everything a turn needs, read once. `lines` are those of the last turn when that is to be answered anew."""

    id: str
    lease: Lease
    lines: tuple[Line, ...]
    turns: tuple[Turn, ...]
    persona: Persona
    thinking: Thinking
    language: str

    @property
    def conversation(self) -> Conversation:
        return self.lease.conversation

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @property
    def is_retry(self) -> bool:
        return self.lease.lines[0].kind == "retry"

    @property
    def reply_to(self) -> str:
        return self.lease.lines[-1].message_id

    def fail(self, reason: FailedReason) -> Outcome:
        return Outcome(Failed(str(self.conversation), self.id, self.reply_to, reason))


class Responder:
    """Makes turns. Threads of the worker share it; it keeps nothing between turns."""

    def __init__(
        self, engine: Generator, tokenizer: Tokenizer, context: Callable[[], int], memory: Memory, people: People,
        personas: Personas, publish: Callable[[Conversation, Draft], None], settings: Settings,
    ) -> None:  # fmt: skip
        self._engine, self._tokenizer, self._context = engine, tokenizer, context
        self._memory, self._people, self._personas = memory, people, personas
        self._publish, self._settings = publish, settings

    def respond(self, lease: Lease, watch: Watch) -> Outcome:
        """Make the reply and say how the turn ends. Raises `Interrupted`, or `EngineError` when another try may help."""
        task = self._read(lease)
        if not task.lines:
            return task.fail("nothing_to_retry")
        budget = self._budget()
        try:
            prompt = self._prompt(task, budget)
        except PromptTooLong:
            return task.fail("too_long")
        plan = self._plan(task, prompt, budget)
        reply = self._write(plan, task, watch)
        if not reply.answer and watch.reason is None:
            reply = self._write(plan.again(), task, watch)
        return self._outcome(task, prompt, reply, watch)

    def _read(self, lease: Lease) -> Task:
        preferences = self._people.preferences(lease.conversation)
        persona = self._persona(preferences)
        turns = self._memory.current(lease.conversation)
        lines = lease.lines
        if lines[0].kind == "retry":
            lines = turns[-1].lines if turns else ()
            turns = turns[:-1]
        thinking = preferences.thinking or persona.thinking or self._settings.thinking
        language = preferences.language or language_of(lines)
        return Task(new_turn_id(), lease, lines, tuple(turns), persona, thinking, language)

    def _persona(self, preferences: Preferences) -> Persona:
        """The one chosen; when the owner has taken it away since, the installation's."""
        names = {persona.name for persona in self._personas.all()}
        chosen = preferences.persona if preferences.persona in names else self._settings.persona
        return self._personas.get(chosen)

    def _budget(self) -> Budget:
        """What the settings allow, but never more than half of the context, so that memory has room."""
        quarter = self._context() // 4
        return Budget(min(self._settings.thought_tokens, quarter), min(self._settings.answer_tokens, quarter))

    def _prompt(self, task: Task, budget: Budget) -> Prompt:
        room = self._context() - budget.thought - budget.answer - _CLOSING_TOKENS
        return write_prompt(
            self._tokenizer, task.persona, task.turns, task.text, user=task.lines[-1].author,
            language=task.language, max_tokens=room, thinks=task.thinking != "off",
        )  # fmt: skip

    def _plan(self, task: Task, prompt: Prompt, budget: Budget) -> Plan:
        persona = task.persona
        temperature = _TEMPERATURE if persona.temperature is None else persona.temperature
        sampling = Sampling(temperature, _TOP_P if persona.top_p is None else persona.top_p)
        inside = self._tokenizer.opens_thought and task.thinking != "off"
        closing = close_thought_ids(self._tokenizer, task.language)
        return Plan(task.id, prompt.ids, closing, inside, budget, sampling)

    def _write(self, plan: Plan, task: Task, watch: Watch) -> Reply:
        reply = Reply(plan, self._tokenizer)
        drafts = _Drafts(task, lambda draft: self._publish(task.conversation, draft))
        reply.write(self._engine, watch, drafts.offer)
        return reply

    def _outcome(self, task: Task, prompt: Prompt, reply: Reply, watch: Watch) -> Outcome:
        if watch.reason in ("lost", "hand_back"):
            raise Interrupted
        if not reply.answer:
            return task.fail(_WITHOUT_ANSWER.get(watch.reason or "", "empty"))
        note = _NOTES.get(watch.reason or reply.end, "")
        shown = reply.thought.strip() if task.thinking == "show" else ""
        final = Finished(str(task.conversation), task.id, task.reply_to, reply.answer, shown, note)
        turn = Turn(
            task.id, task.lines, reply.answer, time.time(), task.persona.name, note, len(prompt.ids), prompt.num_left_out
        )
        return Outcome(final, turn, "replace" if task.is_retry else "append")


_WITHOUT_ANSWER: dict[str, FailedReason] = {"stop": "stopped", "timeout": "timeout"}
_NOTES: dict[str, Note] = {"stop": "stopped", "timeout": "cut", "cut": "cut"}


class _Drafts:
    """Publishes the reply so far, now and then. Thoughts leave the worker only if the person wants to see them."""

    def __init__(self, task: Task, publish: Callable[[Draft], None]) -> None:
        self._publish, self._show_thought = publish, task.thinking == "show"
        self._draft = Draft(str(task.conversation), task.id, task.lease.fence, 0, thinking=True, thought="", answer="")
        self._next_at = 0.0

    def offer(self, reply: Reply) -> None:
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + _DRAFT_SECONDS
        thought = reply.thought if self._show_thought else ""
        self._draft = replace(
            self._draft, seq=self._draft.seq + 1, thinking=reply.thinking, thought=thought, answer=reply.answer
        )
        with suppress(RedisError):  # drafts may be lost; the final holds everything
            self._publish(self._draft)


def language_of(lines: Sequence[Line]) -> str:
    """`zh` for Chinese characters without Japanese or Korean ones; Latin letters do not tell, so "" for all else."""
    text = "".join(line.text for line in lines)
    has_han = any("\u4e00" <= char <= "\u9fff" for char in text)
    is_other = any("\u3040" <= char <= "\u30ff" or "\uac00" <= char <= "\ud7af" for char in text)
    return "zh" if has_han and not is_other else ""
