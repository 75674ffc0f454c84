"""One use of /admin: who sits there, what they wrote, and whom it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bot.administration import Administration
from bot.commands.ask import Answer, Ask, Choice, is_yes
from bot.core.access import Kind, Subject

_MENTION = re.compile(r"<?@!?([A-Za-z0-9_.-]+)>?")
_NUMBERED = {"telegram", "discord"}

Misunderstanding = Literal["usage", "no-server", "not-an-id"]


class NotUnderstood(Exception):
    """The words after /admin make no sense."""

    def __init__(self, reason: Misunderstanding) -> None:
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Desk:
    """`hands` is what they can do; `words` is what follows the name of the deed."""

    ask: Ask
    hands: Administration
    name: str
    words: tuple[str, ...]

    @property
    def is_sure(self) -> bool:
        return any(map(is_yes, self.words))

    def confirm(self, text: str) -> Answer:
        """Ask first: a button where there are some, a word where there are none."""
        command = f"/admin {self.name} {' '.join(self.words)} yes"
        question = self.ask.say("admin-sure", what=text, command=command)
        return Answer(question, choices=(Choice(self.ask.say("admin-yes"), command),))

    def split(self, kinds: tuple[Kind, ...]) -> tuple[Subject, tuple[str, ...]]:
        """Who or what the words are about, and the other words. A mention is who, wherever it stands."""
        words = tuple(word for word in self.words if not is_yes(word))
        for place, word in enumerate(words):
            if mention := _MENTION.fullmatch(word):
                return self._person(mention[1]), words[:place] + words[place + 1 :]
        if not words:
            raise NotUnderstood("usage")
        if words[0] not in kinds:
            return self._person(words[0]), words[1:]
        kind: Kind = "chat" if words[0] == "chat" else "server"
        return self._place(kind, words[1:])

    def _place(self, kind: Kind, words: tuple[str, ...]) -> tuple[Subject, tuple[str, ...]]:
        """The chat or server one is in, or another by its id."""
        if words and _is_number(words[0]):
            return self.hands.subject(kind, words[0]), words[1:]
        here = self.ask.conversation.chat if kind == "chat" else self.ask.incoming.server
        if here is None:
            raise NotUnderstood("no-server")
        return self.hands.subject(kind, here), words

    def _person(self, id: str) -> Subject:
        if self.ask.conversation.platform in _NUMBERED and not _is_number(id):
            raise NotUnderstood("not-an-id")
        return self.hands.subject("person", id)

    def name_of(self, subject: Subject) -> str:
        return self.ask.say(f"subject-{subject.kind}", id=subject.id)


def _is_number(id: str) -> bool:
    digits = id.removeprefix("-")
    return digits.isascii() and digits.isdigit()
