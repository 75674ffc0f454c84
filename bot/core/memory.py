"""What was said: read it, count it, export it, forget it. Turns are added by `lease.py` alone, in the commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot.core.errors import CompanionError
from bot.core.messages import Conversation, Turn, dump, load_turn
from bot.core.store import CHANGED, CONTROL, ERASED, Keys, Store
from bot.core.vault import Seal, Vault


class Busy(CompanionError):
    """The last turn cannot be changed while a reply is being made, or a message waits for one."""


class DoneBefore(CompanionError):
    """What is asked for was done when the same update came first."""


class Memory:
    """The remembered turns of every conversation, each sealed with its person's key. Safe to share between threads."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def recent(self, conversation: Conversation, max_turns: int | None = None) -> list[Turn]:
        """The last `max_turns` turns, oldest first; all of them when it is None."""
        name = Keys(conversation.surface).of(conversation, "memory")
        sealed: Any = self._store.redis.lrange(name, -max_turns if max_turns else 0, -1)
        return _open(sealed, conversation, self._vault.find(conversation)) if sealed else []

    def current(self, conversation: Conversation, seal: Seal | None = None) -> tuple[int, list[Turn]]:
        """The chapter that the person is in, and its turns: those that the model may read."""
        pipe = self._store.redis.pipeline(transaction=False)
        pipe.hget(self._state(conversation), "chapter")
        pipe.lrange(Keys(conversation.surface).of(conversation, "memory"), 0, -1)
        state, sealed = pipe.execute()
        chapter = int(state or 0)
        turns = _open(sealed, conversation, seal or self._vault.find(conversation)) if sealed else []
        return chapter, [turn for turn in turns if turn.chapter == chapter]

    def last(self, conversation: Conversation) -> Turn | None:
        """The newest turn of the chapter that the person is in."""
        return self._last(conversation)[1]

    def oldest(self, conversation: Conversation) -> Turn | None:
        """The first turn that is still kept, of whatever chapter."""
        sealed: Any = self._store.redis.lindex(Keys(conversation.surface).of(conversation, "memory"), 0)
        return _open([sealed], conversation, self._vault.find(conversation))[0] if sealed else None

    def undo(self, conversation: Conversation, update_id: str = "") -> Turn | None:
        """Take back the newest turn and give it; None when there is none. Raises `Busy`, or `DoneBefore` for that update."""
        turn = self._change_last(conversation, lambda _: None, update_id)
        if turn:
            self._store.redis.delete(Keys(conversation.surface).of(conversation, "edited"))  # other words for it
            self._store.redis.set(ERASED, "1")
        return turn

    def pick(self, conversation: Conversation, variant: int) -> Turn | None:
        """Let another reply to the newest turn, counted from 1, be the one that counts. Raises `Busy`.

        Gives the turn as it was; None when there is none, or no such reply to it.
        """
        turn = self.last(conversation)
        if turn is None or not 1 <= variant <= len(turn.variants):
            return None
        reply = turn.variants[variant - 1]
        return self._change_last(conversation, lambda turn: _counting(turn, reply))

    def start_new(self, conversation: Conversation) -> None:
        """Keep what was said, but lean on it no longer; a reply in the making still belongs to the old."""
        if self._store.redis.exists(self._state(conversation)):
            self._store.redis.hincrby(self._state(conversation), "chapter", 1)
            self._store.redis.publish(CONTROL, f"{CHANGED}{conversation}")

    def num_turns(self, conversation: Conversation) -> int:
        num: Any = self._store.redis.llen(Keys(conversation.surface).of(conversation, "memory"))
        return int(num)

    def sent(self, conversation: Conversation) -> dict[str, list[str]]:
        """By turn, the platform's ids of the messages in which the reply stands."""
        sent: Any = self._store.redis.lrange(Keys(conversation.surface).of(conversation, "sent"), 0, -1)
        return dict(json.loads(where) for where in sent)

    def forget(self, conversation: Conversation) -> int:
        """Erase a conversation, with lines that wait and a reply in flight. Gives the number of turns forgotten."""
        keys = Keys(conversation.surface)
        names = [*keys.way(conversation), keys.of(conversation, "memory"), keys.of(conversation, "sent")]
        self._store.redis.delete(keys.of(conversation, "edited"))
        num: int = self._store.call("forget", [*names, keys.outbox, keys.dead], str(conversation), CONTROL, 1)
        if self._store.redis.exists(self._state(conversation)):
            self._store.redis.set(ERASED, "1")
        return num

    def generation(self, conversation: Conversation) -> int:
        """Grows with each `forget`: what was made before it must not be shown after it."""
        value: Any = self._store.redis.hget(self._state(conversation), "generation")
        return int(value or 0)

    def _change_last(
        self, conversation: Conversation, change: Callable[[Turn], Turn | None], update_id: str = ""
    ) -> Turn | None:
        """In one step, or not at all: whatever else happened to the turn since it was read, it is read anew."""
        keys, place = Keys(conversation.surface), str(conversation)
        names = [keys.of(conversation, what) for what in ("state", "inbox", "memory")]
        while True:
            sealed, turn = self._last(conversation)
            new = change(turn) if turn else None
            text = self._vault.find(conversation).close(dump(new), place) if new else b""
            outcome = self._store.call("change_last", names, sealed if turn else b"", text, update_id)
            if outcome == b"busy":
                raise Busy
            if outcome == b"before":
                raise DoneBefore
            if outcome == b"done":
                self._store.redis.publish(CONTROL, place if new is None else f"{CHANGED}{place}")
            if outcome == b"done" or turn is None:
                return turn

    def _last(self, conversation: Conversation) -> tuple[bytes, Turn | None]:
        """As it is kept, and opened."""
        pipe = self._store.redis.pipeline(transaction=False)
        pipe.hget(self._state(conversation), "chapter")
        pipe.lindex(Keys(conversation.surface).of(conversation, "memory"), -1)
        chapter, sealed = pipe.execute()
        if sealed is None:
            return b"", None
        [turn] = _open([sealed], conversation, self._vault.find(conversation))
        return sealed, turn if turn.chapter == int(chapter or 0) else None

    def _state(self, conversation: Conversation) -> str:
        return Keys(conversation.surface).of(conversation, "state")


def _counting(turn: Turn, reply: str) -> Turn:
    return replace(turn, reply=reply, note="") if reply in turn.variants else turn


def _open(sealed: list[bytes], conversation: Conversation, seal: Seal) -> list[Turn]:
    return [load_turn(seal.open(turn, str(conversation))) for turn in sealed]
