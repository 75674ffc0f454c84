"""What a turn is to answer: what people said, or the last turn once more, with other dice or other words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.core.messages import FailedReason, Line, Turn

_MAX_VARIANTS = 20


class NothingToAnswer(Exception):
    """The lines ask for something that is not there; `reason` is for the person."""

    def __init__(self, reason: FailedReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Aim:
    """The lines to answer, the turns before them, and whether the answer takes the place of the last turn.

    `earlier` are the replies that were made to the same lines.
    """

    lines: tuple[Line, ...]
    turns: tuple[Turn, ...]
    replaces: bool = False
    earlier: tuple[str, ...] = ()

    def variants(self, reply: str) -> tuple[str, ...]:
        """What the turn keeps of them with the new one; nothing while there is one alone."""
        return (*self.earlier, reply)[-_MAX_VARIANTS:] if self.earlier else ()


def aim(lines: tuple[Line, ...], turns: list[Turn]) -> Aim:
    """Of the lines of a lease, after `turns`. Raises `NothingToAnswer`."""
    kind, before = lines[0].kind, tuple(turns[:-1])
    if kind == "say":
        return Aim(lines, tuple(turns))
    last = turns[-1] if turns else None
    if kind == "edit" and not any(_has(turn, lines[0]) for turn in turns):  # its first words got no answer
        return Aim((replace(lines[0], kind="say"),), tuple(turns))
    if kind == "edit":
        return Aim(_edited(lines[0], last), before, replaces=True)
    if last is None:
        raise NothingToAnswer("nothing_to_retry")
    return Aim(last.lines, before, replaces=True, earlier=last.variants or tuple(filter(None, [last.reply])))


def _edited(edit: Line, last: Turn | None) -> tuple[Line, ...]:
    if last is None or not _has(last, edit):
        raise NothingToAnswer("edit_too_late")
    return tuple(_with(edit, line) if line.message_id == edit.message_id else line for line in last.lines)


def _has(turn: Turn, edit: Line) -> bool:
    return any(line.message_id == edit.message_id for line in turn.lines)


def _with(edit: Line, line: Line) -> Line:
    return replace(line, text=edit.text, speaker=edit.speaker)
