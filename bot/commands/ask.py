"""What a command is given and what it gives: the words between the table, the adapters and reception."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.core.messages import Conversation, Incoming, Line
from bot.i18n import say
from bot.run import Front

_YES = ("yes", "y", "ok", "是", "是的", "确定", "好")


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: pressing it is the same as writing `command`. Where there are no buttons, the text says what to write."""

    label: str
    command: str


@dataclass(frozen=True, slots=True)
class Document:
    """A file for the person."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said at once; with no text, nothing is.

    `wakes` when a line was, or is to be, left in the inbox; `waits` when one was and a worker comes to it by itself. `line`
    is the one to leave, else it is the wish to have the last turn answered anew.
    `leaves` when the person goes. A `private` answer is for the person's eyes alone: in a group, adapters send it
    where nobody else reads it.
    """

    text: str
    wakes: bool = False
    line: Line | None = None
    waits: bool = False
    leaves: bool = False
    choices: tuple[Choice, ...] = ()
    documents: tuple[Document, ...] = ()
    private: bool = False

    @property
    def reply_follows(self) -> bool:
        return self.wakes or self.waits


@dataclass(frozen=True, slots=True)
class Ask:
    """A command as somebody gave it."""

    incoming: Incoming
    name: str
    argument: str
    language: str

    @property
    def conversation(self) -> Conversation:
        return self.incoming.conversation

    def say(self, key: str, **values: str | int) -> str:
        return say(self.language, key, **values)


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table. Its line in menus and /help is the text `command-NAME`; `only` limits it to one platform.

    `suggest` gives, in a language, what may stand for the argument, each with a label.
    """

    name: str
    run: Callable[[Front, Ask], Answer]
    argument: str = ""
    only: str | None = None
    aliases: tuple[str, ...] = ()
    role: Literal["anybody", "manager", "admin"] = "anybody"
    suggest: Callable[[Front, str], dict[str, str]] | None = None


def is_yes(argument: str) -> bool:
    """The word that confirms, in any language: who writes Chinese may read English."""
    return argument.lower() in _YES


def are_you_sure(ask: Ask, text: str, label: str) -> Answer:
    """Before something is erased; with `no` in place of the word, what was to be erased is kept."""
    if ask.argument:
        return Answer(ask.say("kept"))
    return Answer(text, choices=(Choice(label, f"/{ask.name} yes"), Choice(ask.say("button-keep"), f"/{ask.name} no")))
