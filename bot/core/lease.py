"""The right of one worker to answer one conversation for a while: take it, keep it alive, end it in one step."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from bot.core.dead import DeadLetter
from bot.core.messages import Conversation, Final, Line, Turn, dump, load_line
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Seal, Vault

MAX_TRIES = 3
_MAX_LINES = 50

Held = Literal["held", "stop", "lost"]
Remember = Literal["append", "replace", "none"]


@dataclass(frozen=True, slots=True)
class Lease:
    """`fence` grows with every lease of the conversation; `tries` counts those that led to no end, this one included.

    `is_unwanted` when the person asked to stop before the lease began; `seal` is the person's, for as long as this lasts.
    `woken` are others of the person's conversations, to be woken now. `holder` is the worker that answered last, if known.
    """

    conversation: Conversation
    token: str
    fence: int
    tries: int
    is_unwanted: bool
    lines: tuple[Line, ...]
    seal: Seal = field(repr=False)
    traces: tuple[str, ...] = ()
    woken: tuple[Conversation, ...] = ()
    holder: str = ""

    @property
    def trace(self) -> str:
        """That of the message the reply answers, the last of its lines."""
        return self.traces[-1] if self.traces else ""


class Leases:
    """Takes and ends leases. Safe to share between threads. `person_replies` is asked each time: it may change.

    `holder` names the worker, where its engine keeps what it reads; it is left with what was answered.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        lease_seconds: float,
        memory_turns: int,
        person_replies: Callable[[], int] = lambda: 2,
        holder: Callable[[], str] = lambda: "",
    ) -> None:
        self._store, self._vault, self._person_replies, self._holder = store, vault, person_replies, holder
        self._lease_ms, self._memory_turns = int(lease_seconds * 1000), memory_turns

    def acquire(self, conversation: Conversation) -> Lease | None:
        """Lease a conversation with the lines that make its next turn; None when there is nothing to do, or not yet.

        On the last try only the oldest line is given, so that one bad line does not take the others with it.
        """
        keys, token = Keys(conversation.surface), secrets.token_hex(8)
        names = [*keys.way(conversation), keys.reached]
        found = self._store.call("acquire", names, str(conversation), token, self._lease_ms, _MAX_LINES, self._person_replies())
        if found is None:
            return None
        fence, tries, stop, holder, next, *sealed = found
        seal = self._vault.seal(conversation)
        lines = list(self._readable(conversation, sealed, seal))
        chosen = lines[:1] if tries >= MAX_TRIES else _one_turn(lines)
        traces = tuple(self._vault.trace(conversation, line.update_id) for line in chosen)
        given = conversation, token, fence, tries, bool(stop), tuple(chosen), seal
        lease = Lease(*given, traces, _named(next), holder.decode())
        if not lines:
            self.release(lease, forgive=True)
        return lease if lines else None

    def pseudonym(self, conversation: Conversation) -> str:
        return self._vault.pseudonym(conversation)

    def renew(self, lease: Lease) -> Held:
        """The heartbeat; says when the person asked to stop and when the lease is another's."""
        return self.renew_all([lease])[0]

    def renew_all(self, leases: Sequence[Lease]) -> list[Held]:
        """The same for many, in one round trip."""
        pipe = self._store.redis.pipeline(transaction=False)
        for lease in leases:
            self._store.call("renew", self._names(lease), str(lease.conversation), lease.token, self._lease_ms, on=pipe)
        return [held.decode() for held in pipe.execute()]

    def release(self, lease: Lease, *, forgive: bool) -> None:
        """Hand the lines back; `forgive` when the try says nothing about them (a worker that shuts down)."""
        self._store.call("release", self._names(lease), str(lease.conversation), lease.token, int(forgive))

    def commit(
        self,
        lease: Lease,
        final: Final,
        turn: Turn | None = None,
        remember: Remember = "none",
        *,
        put_aside: bool = False,
        num_tokens: int = 0,
    ) -> tuple[Conversation, ...] | None:
        """End the turn everywhere at once. Gives the person's conversations to wake now, None when the lease was lost.

        `num_tokens` were written where no turn came of it.
        """
        conversation, keys = lease.conversation, Keys(lease.conversation.surface)
        seal, place = lease.seal, str(conversation)
        written = [keys.outbox, keys.of(conversation, "memory"), keys.dead, keys.of_person(conversation.person, "usage")]
        letter = DeadLetter(final.turn, conversation, lease.lines).pack(seal) if put_aside else b""
        waiting, *next = self._store.call(
            "commit",
            [*keys.way(conversation), *written],
            place,
            lease.token,
            len(lease.lines),
            seal.close(dump(final), place),
            remember,
            seal.close(dump(turn), place) if turn else b"",
            self._memory_turns,
            final.turn if put_aside else "",
            letter,
            self._person_replies(),
            turn.num_reply_tokens if turn else num_tokens,
            self._holder() if turn else "",
        )
        return None if waiting < 0 else _named(*next)

    def _readable(self, conversation: Conversation, sealed: list[bytes], seal: Seal) -> Iterable[Line]:
        """A line that was sealed just before its person was erased cannot be read, and must not be: it goes."""
        for line in sealed:
            try:
                yield load_line(seal.open(line, str(conversation)))
            except Forgotten:
                self._store.redis.lrem(Keys(conversation.surface).of(conversation, "inbox"), 1, line)  # type: ignore[arg-type]  # the stub knows str alone

    def _names(self, lease: Lease) -> list[str]:
        keys = Keys(lease.conversation.surface)
        return [keys.of(lease.conversation, "state"), keys.pending, keys.line]


def _named(*names: bytes) -> tuple[Conversation, ...]:
    return tuple(Conversation.parse(name.decode()) for name in names if name)


def _one_turn(lines: list[Line]) -> list[Line]:
    """What people say in a row is one turn; a wish to have the last turn answered anew is one by itself."""
    if lines and lines[0].kind != "say":
        return lines[:1]
    return list(takewhile(lambda line: line.kind == "say", lines))
