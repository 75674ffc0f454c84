"""From a lease to the end of its turn: reads memory and persona, has the reply written, and says how the turn ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.languages import written_in
from bot.core.lease import Lease, Remember
from bot.core.memory import Memory
from bot.core.messages import Draft, Failed, FailedReason, Final, Finished, Note, Turn, new_turn_id
from bot.core.people import People, Preferences
from bot.core.personas import Persona, Personas
from bot.core.settings import Settings
from workers.heart import Watch
from workers.prompt import Prompt, PromptTooLong
from workers.reply import Reply
from workers.writer import Task, Writer

_WITHOUT_ANSWER: dict[str, FailedReason] = {"stop": "stopped", "timeout": "timeout"}
_NOTES: dict[str, Note] = {"stop": "stopped", "timeout": "cut", "cut": "cut"}


class Interrupted(Exception):
    """The reply is not this worker's to end: the lease was lost, or is handed back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ends: the final for the person, and what memory keeps of it."""

    final: Final
    turn: Turn | None = None
    remember: Remember = "none"


class Responder:
    """Makes turns. Threads of the worker share it; it keeps nothing between turns."""

    def __init__(
        self,
        writer: Writer,
        memory: Memory,
        people: People,
        personas: Personas,
        publish: Callable[[Lease, Draft], None],
        settings: Settings,
    ) -> None:
        self._writer, self._memory, self._people, self._personas = writer, memory, people, personas
        self._publish, self._settings = publish, settings

    def respond(self, lease: Lease, watch: Watch) -> Outcome:
        """Make the reply and say how the turn ends. Raises `Interrupted`, or `EngineError` when another try may help."""
        task = self._task(lease)
        if not task.lines:
            return _failed(task, lease, "nothing_to_retry")
        try:
            prompt, reply = self._writer.write(task, watch, lambda draft: self._publish(lease, draft))
        except PromptTooLong:
            return _failed(task, lease, "too_long")
        if watch.reason in ("lost", "hand_back"):
            raise Interrupted
        if not reply.answer:
            return _failed(task, lease, _WITHOUT_ANSWER.get(watch.reason or "", "empty"))
        return _finished(task, lease, prompt, reply, _NOTES.get(watch.reason or reply.end, ""))

    def _task(self, lease: Lease) -> Task:
        """Everything a turn needs, read once. A retry has the lines of the last turn, and that turn not before it."""
        preferences = self._people.preferences(lease.conversation)
        persona = self._persona(preferences)
        chapter, turns = self._memory.current(lease.conversation, lease.seal)
        lines = lease.lines
        if _is_retry(lease):
            lines = turns[-1].lines if turns else ()
            turns = turns[:-1]
        return Task(
            new_turn_id(),
            lease.conversation,
            lease.fence,
            lines,
            tuple(turns),
            chapter,
            persona,
            thinking=preferences.thinking or persona.thinking or self._settings.thinking,
            language=preferences.language or written_in("".join(line.text for line in lines)),
        )

    def _persona(self, preferences: Preferences) -> Persona:
        """The one chosen; when the owner has taken it away since, the installation's."""
        names = {persona.name for persona in self._personas.all()}
        chosen = preferences.persona if preferences.persona in names else self._settings.persona
        return self._personas.get(chosen)


def _is_retry(lease: Lease) -> bool:
    return lease.lines[0].kind == "retry"


def _failed(task: Task, lease: Lease, reason: FailedReason) -> Outcome:
    return Outcome(Failed(str(task.conversation), task.turn, lease.lines[-1].message_id, reason))


def _finished(task: Task, lease: Lease, prompt: Prompt, reply: Reply, note: Note) -> Outcome:
    shown = reply.thought.strip() if task.thinking == "show" else ""
    final = Finished(str(task.conversation), task.turn, lease.lines[-1].message_id, reply.answer, shown, note)
    turn = Turn(
        task.turn,
        task.lines,
        reply.answer,
        time.time(),
        task.persona.name,
        note,
        task.chapter,
        len(prompt.ids),
        prompt.num_left_out,
    )
    return Outcome(final, turn, "replace" if _is_retry(lease) else "append")
