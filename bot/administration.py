"""What admins do: the same for /admin in a chat and `companion admin` in a shell. Every change is written to the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from bot.core.access import Kind, Subject
from bot.core.dead import DeadLetter
from bot.core.errors import CompanionError
from bot.core.messages import Conversation
from bot.core.personas import Persona
from bot.core.presence import WorkerState
from bot.core.store import DAY_MS, Keys
from bot.run import Front

log = structlog.get_logger()

_CONVERSATION_KEYS = {"state", "inbox", "memory"}
_NUM_SCANNED = 1000


class OwnerIsAbove(CompanionError):
    """Only an owner may do this to an owner."""

    key = "owner-above"


class AboveTheLists(CompanionError):
    """No block reaches an owner or admin by the settings."""

    key = "lists-above"


class UnknownLetter(CompanionError):
    """No line was put aside under that name."""

    key = "letter-gone"


@dataclass(frozen=True, slots=True)
class Stats:
    """How one bot account does. `num_people` is None where nobody was counted yet."""

    workers: tuple[WorkerState, ...]
    num_waiting: int
    num_people: int | None
    num_dead: int
    tokens_today: int


@dataclass(frozen=True, slots=True)
class Administration:
    """One admin's hands on one bot account. `who` is what the audit log calls them."""

    front: Front
    surface: str
    who: str
    is_owner: bool

    def subject(self, kind: Kind, id: str) -> Subject:
        """Raises `BadConversation` for what cannot be an id."""
        return Subject(self.surface, kind, self._person(id).person)

    def reset(self, subject: Subject) -> int:
        """Forget all that was said with a person, or all in a chat. Gives the number of turns forgotten."""
        self._respect(subject)
        num_turns = sum(self.front.memory.forget(conversation) for conversation in self._in_reach(subject))
        if subject.kind == "person":
            num_turns += self.front.people.withdraw(self._person(subject.id))
        self.note("reset", str(subject), num_turns)
        return num_turns

    def reset_conversation(self, conversation: Conversation) -> int:
        self._respect(Subject.person(conversation))
        num_turns = self.front.memory.forget(conversation)
        self.note("reset", str(conversation), num_turns)
        return num_turns

    def forget(self, person: Conversation) -> int:
        """Erase everything about a person on this surface. Gives the number of turns forgotten."""
        num_turns = self.front.people.forget(person)
        self.note("forget", str(Subject.person(person)), num_turns)
        return num_turns

    def choose_persona(self, subject: Subject, name: str) -> Persona:
        """For a person, or for everybody in a chat who has chosen none. Raises `UnknownPersona`."""
        self._respect(subject)
        chosen = self.front.personas.get(name)
        choose = self.front.people.choose if subject.kind == "person" else self.front.people.choose_for_chat
        choose(self._person(subject.id), persona=chosen.name)
        self.note("persona", str(subject), chosen.name)
        return chosen

    def block(self, subject: Subject) -> None:
        """From here on nothing of theirs is taken, and what is being answered ends."""
        self._respect(subject)
        if subject.kind == "person" and self.front.access.is_admin(self._person(subject.id)):
            raise AboveTheLists
        self.front.access.put(subject, "block")
        self.note("block", str(subject))
        for conversation in self.conversations(subject):
            if not self.front.access.is_admin(conversation):
                self.front.inbox.stop(conversation)

    def unblock(self, subject: Subject) -> bool:
        """False when there was no block to lift."""
        self.note("unblock", str(subject))
        return self.front.access.take_off(subject, "block")

    def allow(self, subject: Subject) -> None:
        self.front.access.put(subject, "allow")
        self.note("allow", str(subject))

    def disallow(self, subject: Subject) -> bool:
        """Take an allow, or the use of an invite, back; False when there was none."""
        self.note("disallow", str(subject))
        return self.front.access.take_off(subject, "allow")

    def invite(self) -> str:
        """A code for one person; the audit log does not have it."""
        code = self.front.access.make_invite(self.surface)
        self.note("invite")
        return code

    def letters(self) -> list[DeadLetter]:
        return self.front.dead.all(self.surface)

    def letter(self, id: str) -> DeadLetter:
        """Raises `UnknownLetter`."""
        for letter in self.letters():
            if letter.id == id:
                return letter
        raise UnknownLetter

    def replay(self, letter: DeadLetter) -> None:
        """Have its lines answered after all."""
        if not self.front.dead.replay(letter):
            raise UnknownLetter
        self.note("dead replay", str(letter.conversation), letter.id)
        try:
            self.front.wakeups.send(letter.conversation)
        except Exception as problem:  # the broker is anybody's guess; the lines are safe and the sweeper wakes again
            log.warning("wake-up failed", action="wake_failed", error=str(problem))

    def drop(self, letter: DeadLetter) -> None:
        self._respect(Subject.person(letter.conversation))
        if not self.front.dead.drop(letter):
            raise UnknownLetter
        self.note("dead drop", str(letter.conversation), letter.id)

    def note(self, what: str, whom: str = "", value: str | int = "") -> None:
        """A line in the audit log. `value` is a name or a number, never what somebody said."""
        self.front.audit.write(self.surface, self.who, what, whom, value)

    def stats(self) -> Stats:
        keys, redis = Keys(self.surface), self.front.store.redis
        pipe = redis.pipeline(transaction=False)
        pipe.zcard(keys.pending)
        pipe.zcard(keys.people)
        pipe.hlen(keys.dead)
        num_waiting, num_people, num_dead = pipe.execute()
        workers = tuple(self.front.presence.workers())
        return Stats(workers, num_waiting, num_people or None, num_dead, self._tokens_today())

    def conversations(self, subject: Subject) -> list[Conversation]:
        """All of a person, or all in a chat; which chats a server has is known to the platform alone."""
        if subject.kind == "person":
            return self.front.people.conversations(self._person(subject.id))
        return self._in_chat(subject.id) if subject.kind == "chat" else []

    def _in_reach(self, subject: Subject) -> Iterable[Conversation]:
        """Without those of owners, unless an owner asks."""
        found = self.conversations(subject)
        return [one for one in found if self.is_owner or self.front.access.role(one) != "owner"]

    def _in_chat(self, chat: str) -> list[Conversation]:
        found = set()
        pattern = Keys(self.surface).pattern_of_chat(chat)
        for name in self.front.store.redis.scan_iter(match=pattern, count=_NUM_SCANNED):
            _, what, *place = name.decode().rsplit(":", 4)
            if what in _CONVERSATION_KEYS and place[0] == chat:
                found.add(Conversation(*self.surface.split(":"), *place))
        return sorted(found, key=str)

    def _tokens_today(self) -> int:
        """By those who wrote today, so it costs nothing for the others."""
        keys, redis = Keys(self.surface), self.front.store.redis
        seconds: Any = redis.time()
        today = seconds[0] * 1000 // DAY_MS
        people: Any = redis.zrangebyscore(keys.people, today * DAY_MS, "+inf")
        pipe = redis.pipeline(transaction=False)
        for person in people:
            pipe.hmget(keys.of_person(person.decode(), "usage"), ["day", "tokens_today"])
        return sum(int(tokens or 0) for day, tokens in pipe.execute() if int(day or 0) == today)

    def _respect(self, subject: Subject) -> None:
        if subject.kind == "person" and not self.is_owner and self.front.access.role(self._person(subject.id)) == "owner":
            raise OwnerIsAbove

    def _person(self, id: str) -> Conversation:
        """Some conversation of the person, or in the chat, for whatever asks for one to know whose."""
        platform, bot = self.surface.split(":")
        return Conversation(platform, bot, id, "0", id)
