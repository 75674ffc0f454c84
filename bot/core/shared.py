"""A conversation that everybody in a chat shares: what of it is one person's, for them to have and to erase.

Lines carry their speaker's id. Those that were kept before they did are nobody's: neither found nor erased here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from bot.core.dead import DeadLetters
from bot.core.edits import kept_edit
from bot.core.inbox import lines_waiting
from bot.core.memory import Memory
from bot.core.messages import Conversation, Finished, Line, Turn, dump, load_line, load_turn
from bot.core.outbox import GROUP, on_their_way
from bot.core.store import CONTROL, ERASED, Keys, Store
from bot.core.vault import Forgotten, Seal, Vault

T = TypeVar("T", Line, Turn)
_GONE = b""


class SharedTalks:
    """Safe to share between threads and processes."""

    def __init__(self, store: Store, vault: Vault, memory: Memory, dead: DeadLetters) -> None:
        self._store, self._vault, self._memory, self._dead = store, vault, memory, dead

    def export(self, conversation: Conversation, speaker: str) -> dict[str, Any]:
        """Their own lines, and what was answered to them alone: an answer to several is as much the others'."""
        sent = self._memory.sent(conversation)
        edit = kept_edit(self._store, self._vault, conversation)
        waiting = [*lines_waiting(self._store, self._vault, conversation), *filter(None, [edit])]
        put_aside = [line for letter in self._dead.of(conversation) for line in letter.lines]
        turns = [turn for turn in self._memory.recent(conversation) if speaker in turn.speakers]
        return {
            "chat": conversation.chat,
            "thread": conversation.thread,
            "shared": True,
            "turns": [asdict(_of(speaker, turn)) | {"reply_message_ids": sent.get(turn.id, [])} for turn in turns],
            "shown": {},
            "waiting": [asdict(line) for line in waiting if line.speaker == speaker],
            "put_aside": [asdict(line) for line in put_aside if line.speaker == speaker],
            "chat_choices": {},
        }

    def forget(self, conversation: Conversation, speaker: str) -> int:
        """Erase what they said, what was answered to it, and that they spoke there. Gives the number of their turns.

        All in one step: should anything happen to the conversation after it was read, it is read anew.
        """
        keys, redis = Keys(conversation.surface), self._store.redis
        watched = [keys.of(conversation, what) for what in ("state", "inbox", "memory", "sent", "edited")]
        redis.set(ERASED, "1")

        def withdraw(pipe: Any) -> int:
            pipe.multi()
            pipe.srem(keys.of_person(speaker, "conversations"), str(conversation))
            try:
                seal = self._vault.find(conversation)
            except Forgotten:
                return 0  # all of it is gone
            return _Withdrawal(self._store, self._vault, self._dead, pipe, conversation, speaker, seal).run()

        num_turns: Any = redis.transaction(withdraw, *watched, keys.dead, value_from_callable=True)  # type: ignore[arg-type]  # the stub knows no value
        return int(num_turns)


@dataclass(frozen=True, slots=True)
class _Withdrawal:
    """One person's words on their way out of one conversation. What is read is watched; what is to change waits in `pipe`."""

    store: Store
    vault: Vault
    dead: DeadLetters
    pipe: Any
    conversation: Conversation
    speaker: str
    seal: Seal

    def run(self) -> int:
        turns = self._theirs("memory", load_turn, lambda turn: self.speaker in turn.speakers)
        lines = self._theirs("inbox", load_line, lambda line: line.speaker == self.speaker)
        self._change("memory", {at: _without(self.speaker, turn) for at, turn in turns.items()})
        self._change("inbox", dict.fromkeys(lines))
        self._take_letters()
        self._take_places({turn.id for turn in turns.values()})
        edit = kept_edit(self.store, self.vault, self.conversation)
        if edit is not None and edit.speaker == self.speaker:
            self.pipe.delete(self._name("edited"))
        self._end(lines, is_read=bool(turns or lines))
        return len(turns)

    def _theirs(self, what: str, load: Callable[[bytes], T], is_theirs: Callable[[T], bool]) -> dict[int, T]:
        """By its place in the list; what cannot be opened is nobody's."""
        found: dict[int, T] = {}
        sealed: Any = self.store.redis.lrange(self._name(what), 0, -1)
        for at, one in enumerate(sealed):
            try:
                value = load(self.seal.open(one, str(self.conversation)))
            except Forgotten:
                continue
            if is_theirs(value):
                found[at] = value
        return found

    def _change(self, what: str, places: dict[int, T | None]) -> None:
        """Other values for those places of a list, or none: those are taken out at once, for places move when one goes."""
        for at, value in places.items():
            self.pipe.lset(self._name(what), at, self._close(value) if value else _GONE)
        self.pipe.lrem(self._name(what), 0, _GONE)

    def _take_letters(self) -> None:
        name = Keys(self.conversation.surface).dead
        for letter in self.dead.of(self.conversation):
            left = _others(self.speaker, letter.lines)
            if not left:
                self.pipe.hdel(name, letter.id)
            elif left != letter.lines:
                self.pipe.hset(name, letter.id, replace(letter, lines=left).pack(self.seal))

    def _take_places(self, turns: set[str]) -> None:
        """Of the messages in which answers to them stand."""
        sent: Any = self.store.redis.lrange(self._name("sent"), 0, -1)
        for where in sent:
            if json.loads(where)[0] in turns:
                self.pipe.lrem(self._name("sent"), 0, where)

    def _end(self, lines: Collection[int], *, is_read: bool) -> None:
        """What has not reached anybody yet: a reply in the making, which has read their words, and finals on their way out."""
        keys = Keys(self.conversation.surface)
        names = [*keys.way(self.conversation), keys.outbox, keys.sending]
        stop: Any = self.store.redis.hget(self._name("state"), "stop")
        num_stopped = int(stop or 0) - sum(at < int(stop or 0) for at in lines)
        finals = [
            id
            for id, event in on_their_way(self.store, self.seal, self.conversation)
            if isinstance(event, Finished) and self.speaker in event.speakers
        ]
        numbers = int(is_read), len(lines), num_stopped
        self.store.call("withdraw", names, str(self.conversation), CONTROL, 1, GROUP, *numbers, *finals, on=self.pipe)

    def _close(self, value: Line | Turn) -> bytes:
        return self.seal.close(dump(value), str(self.conversation))

    def _name(self, what: str) -> str:
        return Keys(self.conversation.surface).of(self.conversation, what)


def _others(speaker: str, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.speaker != speaker)


def _without(speaker: str, turn: Turn) -> Turn | None:
    """What others said in that turn; the answer was to this person too, and goes."""
    left = _others(speaker, turn.lines)
    return replace(turn, lines=left, reply="", note="", variants=()) if left else None


def _of(speaker: str, turn: Turn) -> Turn:
    lines = tuple(line for line in turn.lines if line.speaker == speaker)
    is_alone = len(lines) == len(turn.lines)
    return turn if is_alone else replace(turn, lines=lines, reply="", note="", variants=())
