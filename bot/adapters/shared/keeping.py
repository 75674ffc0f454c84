"""What an adapter must know after a restart: which messages show a reply so far, and what it has done already.

Ids and times only, never a word of anybody.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.core.made import make
from bot.core.messages import Conversation
from bot.core.store import Keys, Store

_KEEP_SHOWN_SECONDS = 7 * 24 * 3600
_KEEP_CHOICE_SECONDS = 48 * 3600
_NUM_ODD = 100


@dataclass(slots=True)
class Shown:
    """Where a conversation stands in its chat: `ids` are the messages of the newest reply, of `turn`.

    `is_done` when that was delivered: delivered once more, after a crash, it finds them. `wait` is the message that says
    why there is no reply yet, `buttons` the one that has buttons now; `asked` are those in which a reply is to come.
    """

    turn: str = ""
    ids: list[int] = field(default_factory=list)
    is_done: bool = False
    wait: int = 0
    buttons: int = 0
    asked: list[int] = field(default_factory=list)


class Keeping:
    """Of one bot account. Its methods may be called on any thread."""

    def __init__(self, store: Store, surface: str) -> None:
        self._store, self._redis, self._keys = store, store.redis, Keys(surface)
        self._platform = surface.partition(":")[0]

    # What is shown

    def shown(self, conversation: Conversation) -> Shown:
        kept: Any = self._redis.get(self._keys.of(conversation, "shown"))
        return make(Shown, json.loads(kept)) if kept else Shown()

    def keep_shown(self, conversation: Conversation, shown: Shown) -> None:
        """For a week, or until the person is forgotten: a reply that ends after that leaves nothing."""
        names = [self._keys.of(conversation, "shown"), self._keys.of_person(conversation.person, "key")]
        self._store.call("keep_shown", names, json.dumps(asdict(shown)), _KEEP_SHOWN_SECONDS)

    # Commands too long for a button

    def keep_choice(self, id: str, command: str) -> None:
        self._redis.set(self._keys.of_person(id, "choice"), command, ex=_KEEP_CHOICE_SECONDS)

    def choice(self, id: str) -> str | None:
        command: Any = self._redis.get(self._keys.of_person(id, "choice"))
        return command.decode() if command else None

    # What came in, and what was published

    def put_aside(self, shape: str) -> None:
        """The shape of an event that could not be understood, for whoever is to mend that. The newest are kept."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.lpush(self._name("odd"), shape)
        pipe.ltrim(self._name("odd"), 0, _NUM_ODD - 1)
        pipe.execute()

    def menu(self) -> str:
        """What was last published as the bot's commands, as a digest."""
        kept: Any = self._redis.get(self._name("menu"))
        return kept.decode() if kept else ""

    def keep_menu(self, digest: str) -> None:
        self._redis.set(self._name("menu"), digest)

    def _name(self, what: str) -> str:
        return self._keys.of_chat(self._platform, what)

    def _hash(self, what: str) -> dict[str, str]:
        kept: Any = self._redis.hgetall(self._name(what))
        return {name.decode(): value.decode() for name, value in kept.items()}
