"""From a lease to the end of its turn: reads memory and persona, has the reply written, and says how the turn ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import structlog

from bot.core.languages import written_in
from bot.core.lease import Lease, Remember
from bot.core.live import Live, current
from bot.core.memory import Memory
from bot.core.messages import Draft, Failed, FailedReason, Final, Finished, Note, Turn, new_turn_id
from bot.core.people import People, Preferences
from bot.core.personas import LivePersonas, Persona, Personas
from bot.core.settings import Settings
from workers.anew import Aim, NothingToAnswer, aim
from workers.heart import Watch
from workers.measures import Watched, turn_begun
from workers.prompt import Prompt, PromptTooLong
from workers.reply import Reply
from workers.writer import Task, Writer

log = structlog.get_logger()

_WITHOUT_ANSWER: dict[str, FailedReason] = {"stop": "stopped", "timeout": "timeout"}
_NOTES: dict[str, Note] = {"stop": "stopped", "timeout": "cut", "cut": "cut"}


class Interrupted(Exception):
    """The reply is not this worker's to end: the lease was lost, or is handed back."""


def nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ends: the final for the person, and what memory keeps of it. `read_ahead` is for when that is done.

    `num_tokens` were written where memory keeps nothing.
    """

    final: Final
    turn: Turn | None = None
    remember: Remember = "none"
    read_ahead: Callable[[], None] = nothing
    num_tokens: int = 0


class Responder:
    """Makes turns. Threads of the worker share it; it keeps nothing between turns."""

    def __init__(
        self,
        writer: Writer,
        memory: Memory,
        people: People,
        personas: Personas | LivePersonas,
        publish: Callable[[Lease, Draft], None],
        settings: Settings | Live[Settings],
    ) -> None:
        self._writer, self._memory, self._people, self._personas = writer, memory, people, personas
        self._publish, self._given = publish, settings

    @property
    def _settings(self) -> Settings:
        """As they are now: some change while the worker runs."""
        return current(self._given)

    def respond(self, lease: Lease, watch: Watch) -> Outcome:
        """Make the reply and say how the turn ends. Raises `Interrupted`, or `EngineError` when another try may help."""
        chapter, turns = self._memory.current(lease.conversation, lease.seal)
        try:
            aimed = aim(lease.lines, turns)
        except NothingToAnswer as nothing:
            return _failed(new_turn_id(), lease, nothing.reason)
        task = self._task(lease, chapter, aimed)
        turn_begun(lease, task.turn)
        watched = Watched(lease, self._publish)
        try:
            prompt, reply = self._writer.write(task, watch, watched.publish)
        except PromptTooLong:
            return _failed(task.turn, lease, "too_long")
        if watch.reason in ("lost", "hand_back"):
            raise Interrupted
        watched.end(reply.answer)
        if self._settings.log_text:
            log.debug("replied", text=reply.answer)
        if not reply.answer:
            failed = _failed(task.turn, lease, _WITHOUT_ANSWER.get(watch.reason or "", "empty"))
            return replace(failed, num_tokens=reply.num_tokens)
        turn = _turn(task, aimed, prompt, reply, _NOTES.get(watch.reason or reply.end, ""))
        remember: Remember = "replace" if aimed.replaces else "append"
        return Outcome(_finished(task, lease, turn, reply), turn, remember, partial(self._writer.read_ahead, task, turn))

    def _task(self, lease: Lease, chapter: int, aimed: Aim) -> Task:
        """Everything a turn needs, read once."""
        preferences = self._people.preferences(lease.conversation)
        persona = self._persona(preferences)
        return Task(
            new_turn_id(),
            lease.conversation,
            lease.fence,
            aimed.lines,
            aimed.turns,
            chapter,
            persona,
            thinking=preferences.thinking or persona.thinking or self._settings.thinking,
            language=preferences.language or written_in("".join(line.text for line in aimed.lines)),
        )

    def _persona(self, preferences: Preferences) -> Persona:
        """The one chosen; when the owner has taken it away since, the installation's."""
        return self._personas.chosen(preferences.persona, self._settings.persona)


def _failed(turn: str, lease: Lease, reason: FailedReason) -> Outcome:
    return Outcome(Failed(str(lease.conversation), turn, lease.lines[-1].message_id, reason, lease.trace))


def _turn(task: Task, aimed: Aim, prompt: Prompt, reply: Reply, note: Note) -> Turn:
    return Turn(
        task.turn,
        task.lines,
        reply.answer,
        time.time(),
        task.persona.name,
        note,
        task.chapter,
        reply.num_prompt_tokens or len(prompt.ids),
        prompt.num_left_out,
        reply.num_tokens,
        aimed.variants(reply.answer),
    )


def _finished(task: Task, lease: Lease, turn: Turn, reply: Reply) -> Finished:
    return Finished(
        str(task.conversation),
        task.turn,
        lease.lines[-1].message_id,
        reply.answer,
        thought=reply.thought.strip() if task.thinking == "show" else "",
        note=turn.note,
        variant=max(1, len(turn.variants)),
        num_variants=max(1, len(turn.variants)),
        trace=lease.trace,
        speakers=turn.speakers,
    )
