"""What was said: read it, count it, export it, forget it. Turns are added by `lease.py` alone, in the commit."""

from __future__ import annotations

import json
from typing import Any

from bot.core.messages import Conversation, Turn, load_turn
from bot.core.store import CONTROL, Keys, Store
from bot.core.vault import Seal, Vault


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

    def start_new(self, conversation: Conversation) -> None:
        """Keep what was said, but lean on it no longer; a reply in the making still belongs to the old."""
        if self._store.redis.exists(self._state(conversation)):
            self._store.redis.hincrby(self._state(conversation), "chapter", 1)

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
        names = [keys.of(conversation, what) for what in ("state", "inbox", "memory", "sent")]
        num: int = self._store.call("forget", [*names, keys.pending, keys.outbox, keys.dead], str(conversation), CONTROL)
        return num

    def generation(self, conversation: Conversation) -> int:
        """Grows with each `forget`: what was made before it must not be shown after it."""
        value: Any = self._store.redis.hget(self._state(conversation), "generation")
        return int(value or 0)

    def _state(self, conversation: Conversation) -> str:
        return Keys(conversation.surface).of(conversation, "state")


def _open(sealed: list[bytes], conversation: Conversation, seal: Seal) -> list[Turn]:
    return [load_turn(seal.open(turn, str(conversation))) for turn in sealed]
