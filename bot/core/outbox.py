"""What is on its way to people: finals in a durable stream, drafts on a channel that may lose them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.exceptions import OutOfMemoryError, ResponseError

from bot.core.messages import Conversation, Draft, Event, Notice, Unknown, dump, load_event
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Seal, Vault

Told = Event | Unknown

GROUP = "delivery"
_CONSUMER = "adapter"
_NUM_READ = 64
_KEEP_SENT = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A final, or a notice, to deliver. `event` is None when it was forgotten meanwhile.

    `is_repeat` when a sending of it began before.
    """

    id: str
    conversation: Conversation
    event: Told | None
    is_repeat: bool


class Outbox:
    """One surface's way out, read by the one process that owns the surface."""

    def __init__(self, store: Store, vault: Vault, surface: str) -> None:
        self._store, self._vault, self._keys = store, vault, Keys(surface)

    def open(self) -> None:
        """Make the consumer group where there is none."""
        try:
            self._store.redis.xgroup_create(self._keys.outbox, GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            return  # Redis does not look whether there is one: reading tells
        except ResponseError as problem:
            if "BUSYGROUP" not in str(problem):
                raise

    def unfinished(self) -> list[Entry]:
        """What an earlier process read and did not acknowledge; deliver it before anything new, or order is lost."""
        entries: list[Entry] = []
        while batch := self._read(entries[-1].id if entries else "0", block_ms=None):
            entries += batch
        return entries

    def fresh(self, block_ms: int) -> list[Entry]:
        """New finals, oldest first; waits up to `block_ms` for one."""
        return self._read(">", block_ms)

    def add(self, conversation: Conversation, notice: Notice, on: Any = None) -> None:
        """Something the bot tells by itself, delivered like a final; at once, or as a part of the transaction `on`."""
        sealed = self._vault.seal(conversation).close(dump(notice), str(conversation))
        generation: Any = self._store.redis.hget(self._keys.of(conversation, "state"), "generation")
        fields: Any = {"conversation": str(conversation), "generation": int(generation or 0), "event": sealed}
        (self._store.redis if on is None else on).xadd(self._keys.outbox, fields)

    def begin(self, entry: Entry) -> None:
        """From here until `end` nobody can know whether the person has it."""
        self._store.call("begin", [self._keys.sending], entry.id)

    def undo_begin(self, entry: Entry) -> None:
        """The platform has certainly not taken it."""
        self._store.redis.hdel(self._keys.sending, entry.id)

    def end(self, entry: Entry, message_ids: list[str]) -> None:
        """The person has it, in these messages."""
        where = json.dumps([entry.event.turn, message_ids]) if entry.event and message_ids else ""
        own = [self._keys.of(entry.conversation, what) for what in ("sent", "memory")]
        self._store.call("delivered", [self._keys.outbox, self._keys.sending, *own], entry.id, GROUP, where, _KEEP_SENT)

    def pseudonym(self, conversation: Conversation) -> str:
        return self._vault.pseudonym(conversation)

    def publish(self, conversation: Conversation, draft: Draft, seal: Seal | None = None) -> None:
        """A draft, to whoever follows; `seal` spares looking for it again with every draft of a reply."""
        seal = seal or self._vault.seal(conversation)
        self._store.redis.publish(self._keys.drafts, f"{conversation}\n".encode() + seal.close(dump(draft), str(conversation)))

    def drafts(self, wait_seconds: float) -> Iterator[tuple[Conversation, Draft] | None]:
        """Follow the drafts of the surface for ever; None whenever none came within `wait_seconds`."""
        with self._store.channel(self._keys.drafts) as channel:
            while True:
                message = channel.get_message(timeout=wait_seconds)
                yield self._open_draft(message["data"]) if message else None

    def _read(self, start: str, block_ms: int | None) -> list[Entry]:
        """Asked again by itself, a client would be given the next ones, and nobody those whose answer was lost."""
        answer: Any = self._store.once.xreadgroup(GROUP, _CONSUMER, {self._keys.outbox: start}, count=_NUM_READ, block=block_ms)
        entries = answer.values() if isinstance(answer, dict) else [batch for _, batch in answer or []]
        found = [(id.decode(), fields) for batch in entries for id, fields in _flat(batch)]
        return self._entries(found) if found else []

    def _entries(self, found: list[tuple[str, dict[bytes, bytes]]]) -> list[Entry]:
        """What else is to be known of them is asked for all at once: one by one, it would set the pace of delivery."""
        talks = [Conversation.parse(fields[b"conversation"].decode()) for _, fields in found]
        pipe = self._store.redis.pipeline(transaction=False)
        for (id, _), conversation in zip(found, talks, strict=True):
            pipe.hexists(self._keys.sending, id)
            pipe.hget(self._keys.of(conversation, "state"), "generation")
        known = pipe.execute()
        seals = self._vault.find_all(talks)
        return [
            Entry(id, conversation, _event(conversation, fields, generation, seal), bool(is_repeat))
            for (id, fields), conversation, is_repeat, generation, seal in zip(
                found, talks, known[::2], known[1::2], seals, strict=True
            )
        ]

    def _open_draft(self, data: bytes) -> tuple[Conversation, Draft] | None:
        name, _, sealed = data.partition(b"\n")
        conversation = Conversation.parse(name.decode())
        try:
            draft = load_event(self._vault.find(conversation).open(sealed, name.decode()))
        except Forgotten:
            return None
        return (conversation, draft) if isinstance(draft, Draft) else None


def _event(conversation: Conversation, fields: dict[bytes, bytes], generation: bytes | None, seal: Seal | None) -> Told | None:
    if seal is None or int(generation or 0) != int(fields[b"generation"]):
        return None
    return _opened(conversation, fields[b"event"], seal)


def _opened(conversation: Conversation, sealed: bytes, seal: Seal) -> Told | None:
    """None for what was forgotten."""
    try:
        event = load_event(seal.open(sealed, str(conversation)))
    except Forgotten:
        return None
    assert not isinstance(event, Draft), "drafts never enter the outbox"
    return event


def on_their_way(store: Store, seal: Seal, conversation: Conversation) -> Iterator[tuple[bytes, Told]]:
    """What a conversation's people have not been given yet, by the entry it stands in."""
    name, place, start = Keys(conversation.surface).outbox, str(conversation).encode(), b"-"
    while entries := _some(store, name, start):
        for id, fields in entries:
            if fields[b"conversation"] == place and (event := _opened(conversation, fields[b"event"], seal)):
                yield id, event
        start = b"(" + entries[-1][0]


def _some(store: Store, name: str, start: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
    entries: Any = store.redis.xrange(name, start.decode(), "+", count=_NUM_READ)
    return list(entries)


def _flat(batch: Any) -> Any:
    """RESP3 nests one list more than RESP2."""
    return batch[0] if batch and isinstance(batch[0], list) and batch[0] and isinstance(batch[0][0], (list, tuple)) else batch
