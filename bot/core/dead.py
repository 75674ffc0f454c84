"""Lines that failed three turns, put aside where an admin can list, replay or drop them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from bot.core.made import make
from bot.core.messages import SCHEMA, Conversation, Line, dump
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Seal, Vault


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The lines of one turn that could not be answered; none where they cannot be opened any more. `id` is the turn's."""

    id: str
    conversation: Conversation
    lines: tuple[Line, ...]

    def pack(self, seal: Seal) -> bytes:
        """Whose it is stays readable; what was said does not."""
        text = json.dumps({"v": SCHEMA, "lines": [asdict(line) for line in self.lines]}, ensure_ascii=False)
        return f"{self.conversation}\n".encode() + seal.close(text.encode(), str(self.conversation))

    @classmethod
    def unpack(cls, id: str, packed: bytes, vault: Vault) -> Self:
        name, _, sealed = packed.partition(b"\n")
        conversation = Conversation.parse(name.decode())
        try:
            text = json.loads(vault.find(conversation).open(sealed, str(conversation)))
        except Forgotten:
            return cls(id, conversation, ())
        return cls(id, conversation, tuple(make(Line, line) for line in text["lines"]))


class DeadLetters:
    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def all(self, surface: str) -> list[DeadLetter]:
        entries: Any = self._store.redis.hgetall(Keys(surface).dead)
        return [DeadLetter.unpack(id.decode(), packed, self._vault) for id, packed in sorted(entries.items())]

    def of(self, conversation: Conversation) -> list[DeadLetter]:
        return [letter for letter in self.all(conversation.surface) if letter.conversation == conversation]

    def replay(self, letter: DeadLetter) -> bool:
        """Put its lines back to be answered; False when it is no longer there."""
        keys, place = Keys(letter.conversation.surface), str(letter.conversation)
        seal = self._vault.seal(letter.conversation)
        _, *way = keys.way(letter.conversation)
        sealed = [seal.close(dump(line), place) for line in letter.lines]
        return bool(self._store.call("replay", [keys.dead, *way], letter.id, place, 1, *sealed))

    def drop(self, letter: DeadLetter) -> bool:
        return bool(self._store.redis.hdel(Keys(letter.conversation.surface).dead, letter.id))

    def forget(self, conversation: Conversation) -> None:
        """Drop all letters of the person, whether their words can still be opened or not."""
        dead = Keys(conversation.surface).dead
        entries: Any = self._store.redis.hgetall(dead)
        for id, packed in entries.items():
            if Conversation.parse(packed.partition(b"\n")[0].decode()).person == conversation.person:
                self._store.redis.hdel(dead, id)
