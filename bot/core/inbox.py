"""What people wrote and nobody has answered yet: the adapters' side. The workers' side is `lease.py`."""

from __future__ import annotations

from typing import Any, Literal

from bot.core.messages import Conversation, Failed, Incoming, Line, dump, load_line, new_turn_id
from bot.core.store import CONTROL, Keys, Store
from bot.core.vault import Vault

_KEEP_SEEN_MS = 48 * 3600 * 1000
_GRACE_MS = 2000
"""A wake-up that has not led to a lease by then was lost; the sweeper sends another."""
_SWEEP_AGAIN_MS = 5000
_FAR_MS = 3600 * 1000
_NUM_SWEPT = 200

Accepted = Literal["accepted", "known", "full"]
Stopped = Literal["stopping", "dropped", "idle"]


class Inbox:
    """One place for all conversations of all surfaces. Safe to share between threads."""

    def __init__(self, store: Store, vault: Vault, max_lines: int) -> None:
        self._store, self._vault, self._max_lines = store, vault, max_lines

    def accept(self, incoming: Incoming) -> Accepted:
        """Keep a line until it is answered. When this returns, the platform may be told that we have it."""
        conversation, line = incoming.conversation, incoming.line
        keys, place = Keys(conversation.surface), str(conversation)
        waiting: int = self._store.call(
            "accept",
            [keys.seen, keys.of(conversation, "inbox"), keys.pending, keys.of_person(conversation.person, "conversations")],
            line.update_id,
            place,
            self._vault.seal(conversation).close(dump(line), place),
            self._max_lines,
            _GRACE_MS,
            _KEEP_SEEN_MS,
        )
        return "accepted" if waiting > 0 else "known" if waiting == 0 else "full"

    def is_known(self, incoming: Incoming) -> bool:
        seen = Keys(incoming.conversation.surface).seen
        return self._store.redis.zscore(seen, incoming.line.update_id) is not None

    def mark_seen(self, incoming: Incoming) -> bool:
        """For an update that is answered without the inbox: a command, a refusal. False when it was known before."""
        return bool(self._store.call("mark_seen", [Keys(incoming.conversation.surface).seen], incoming.line.update_id))

    def stop(self, conversation: Conversation) -> Stopped:
        """End the reply that is being made, or drop the lines that wait for one."""
        keys = Keys(conversation.surface)
        names = [keys.of(conversation, "state"), keys.of(conversation, "inbox"), keys.pending, keys.outbox]
        event = Failed(str(conversation), new_turn_id(), "", "stopped")
        sealed = self._vault.seal(conversation).close(dump(event), str(conversation))
        outcome: Stopped = self._store.call("stop", names, str(conversation), CONTROL, sealed).decode()
        return outcome

    def waiting(self, conversation: Conversation) -> list[Line]:
        """The lines that wait for an answer, or are being answered, oldest first."""
        return lines_waiting(self._store, self._vault, conversation)

    def num_waiting(self, conversation: Conversation) -> int:
        num: Any = self._store.redis.llen(Keys(conversation.surface).of(conversation, "inbox"))
        return int(num)

    def overdue(self, surface: str) -> list[Conversation]:
        """Conversations whose wake-up was lost or whose worker died. Any number of sweepers may ask."""
        due = self._store.call("overdue", [Keys(surface).pending], _SWEEP_AGAIN_MS, _FAR_MS, _NUM_SWEPT)
        return [Conversation.parse(name.decode()) for name in due]


def lines_waiting(store: Store, vault: Vault, conversation: Conversation) -> list[Line]:
    sealed: Any = store.redis.lrange(Keys(conversation.surface).of(conversation, "inbox"), 0, -1)
    return [load_line(vault.find(conversation).open(line, str(conversation))) for line in sealed]
