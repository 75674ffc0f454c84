"""What people wrote and nobody has answered yet: the adapters' side. The workers' side is `lease.py`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

from bot.core.messages import Conversation, Failed, Incoming, Line, dump, load_line, new_turn_id
from bot.core.store import CONTROL, Keys, Store
from bot.core.vault import Forgotten, Vault

_KEEP_SEEN_MS = 48 * 3600 * 1000
_GRACE_MS = 2000
"""A wake-up that has not led to a lease so long after it was sent was lost, unless the workers are busy with others."""
_NUM_SWEPT = 200
NUM_PLACES = 200

Accepted = Literal["accepted", "next", "behind", "known", "full", "busy"]
_NOT_KEPT: dict[int, Accepted] = {0: "known", -1: "full", -2: "busy"}
Stopped = Literal["stopping", "dropped", "idle"]


class Inbox:
    """One place for all conversations of all surfaces. Safe to share between threads.

    A wake-up is sent `merge_seconds` after a line: so long others may still join it.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        max_lines: int,
        person_replies: int = 2,
        max_waiting: int = 100_000,
        merge_seconds: float = 0,
    ) -> None:
        self._store, self._vault = store, vault
        self._grace_ms = int(merge_seconds * 1000) + _GRACE_MS
        self._max_lines, self._person_replies, self._max_waiting = max_lines, person_replies, max_waiting

    def accept(self, incoming: Incoming) -> Accepted:
        """Keep a line until it is answered. When this returns, the platform may be told that we have it.

        `accepted` wants a wake-up. `next` gets one as soon as a reply to the person's last chat begins, `behind` when one
        of their replies in other chats is made: each has one place in the line, and a few replies at once. Not kept are
        `known` ones, and those refused because the inbox is `full` or too many conversations wait (`busy`).
        """
        conversation, line = incoming.conversation, incoming.line
        keys, place = Keys(conversation.surface), str(conversation)
        _, *way = keys.way(conversation)
        people = conversation.person, incoming.own.person
        theirs = [keys.of_person(person, "conversations") for person in people]
        waiting, *how = self._store.call(
            "accept",
            [keys.seen, *way, theirs[0], keys.people, theirs[1]],
            line.update_id,
            place,
            self._vault.seal(conversation).close(dump(line), place),
            self._max_lines,
            self._grace_ms,
            _KEEP_SEEN_MS,
            self._person_replies,
            self._max_waiting,
            *people,
        )
        if waiting > 0:
            return "accepted" if how[0] else "behind" if how[1] else "next"
        return _NOT_KEPT[waiting]

    def is_known(self, incoming: Incoming) -> bool:
        seen = Keys(incoming.conversation.surface).seen
        return self._store.redis.zscore(seen, incoming.line.update_id) is not None

    def mark_seen(self, incoming: Incoming) -> bool:
        """For an update that is answered without the inbox: a command, a refusal. False when it was known before."""
        return bool(self._store.call("mark_seen", [Keys(incoming.conversation.surface).seen], incoming.line.update_id))

    def stop(self, conversation: Conversation) -> Stopped:
        """End the reply that is being made, or drop the lines that wait for one."""
        keys = Keys(conversation.surface)
        names = [*keys.way(conversation), keys.outbox]
        event = Failed(str(conversation), new_turn_id(), "", "stopped")
        sealed = self._vault.seal(conversation).close(dump(event), str(conversation))
        outcome: Stopped = self._store.call("stop", names, str(conversation), CONTROL, sealed, self._person_replies).decode()
        return outcome

    def in_chat(self, where: Conversation) -> list[Conversation]:
        """Of everybody in that chat: those that are in line for a reply, or get one now."""
        keys = Keys(where.surface)
        names: Any = [*self._store.redis.zrange(keys.line, 0, -1), *self._store.redis.zrange(keys.pending, 0, -1)]
        found = {Conversation.parse(name.decode()) for name in names}
        return [conversation for conversation in found if conversation.chat == where.chat]

    def waiting(self, conversation: Conversation) -> list[Line]:
        """The lines that wait for an answer, or are being answered, oldest first."""
        return lines_waiting(self._store, self._vault, conversation)

    def num_waiting(self, conversation: Conversation) -> int:
        num: Any = self._store.redis.llen(Keys(conversation.surface).of(conversation, "inbox"))
        return int(num)

    def places(self, surface: str, after_seconds: float, skip: int = 0) -> dict[Conversation, int]:
        """Who has waited that long for a reply to begin, with how many stand before them, of all surfaces.

        At most 200 of those in line, from the one on who has `skip` before them; fewer are the last.
        """
        keys, now = Keys(surface), self._store.now_ms()
        pipe = self._store.redis.pipeline(transaction=False)
        pipe.zrangebyscore(keys.line, "-inf", now - after_seconds * 1000, skip, NUM_PLACES, withscores=True)
        pipe.zrangebyscore(keys.pending, "-inf", now - after_seconds * 1000, 0, _NUM_SWEPT)  # their worker died
        in_line, orphans = pipe.execute()
        found = dict.fromkeys((Conversation.parse(name.decode()) for name in orphans), 0)
        others = [Keys(other).line for other in self._store.surfaces() if other != surface]
        for number, (name, since) in enumerate(in_line, skip):
            found[Conversation.parse(name.decode())] = number + self._num_before(others, since)
        return found

    def _num_before(self, lines: list[str], since: float) -> int:
        if not lines:
            return 0
        pipe = self._store.redis.pipeline(transaction=False)
        for line in lines:
            pipe.zcount(line, "-inf", f"({since}")
        return sum(pipe.execute())

    def overdue(self, surface: str, *, is_queue_empty: bool = True) -> list[Conversation]:
        """Conversations whose worker died or whose wake-up was lost. Any number of sweepers may ask.

        While wake-ups are waiting in the broker's queue, only those are lost that others have long overtaken.
        """
        keys = Keys(surface)
        due = self._store.call("overdue", [keys.pending, keys.line, keys.reached], _NUM_SWEPT, int(is_queue_empty))
        return [Conversation.parse(name.decode()) for name in due]


def lines_waiting(store: Store, vault: Vault, conversation: Conversation) -> list[Line]:
    return [line for _, line in sealed_lines(store, vault, conversation)]


def sealed_lines(store: Store, vault: Vault, conversation: Conversation) -> list[tuple[bytes, Line]]:
    """Each as it is kept, and opened; without one that was sealed just before its person was erased."""
    sealed: Any = store.redis.lrange(Keys(conversation.surface).of(conversation, "inbox"), 0, -1)
    found: list[tuple[bytes, Line]] = []
    if sealed and (seal := vault.find_all([conversation])[0]):
        for line in sealed:
            with suppress(Forgotten):
                found.append((line, load_line(seal.open(line, str(conversation)))))
    return found
