"""Redis: the connection, the names of all keys, and the scripts in which several keys change together.

Every key of one bot account carries its surface as hash tag, so a script may touch a conversation, the sweeper's index
and the outbox in one step, on Redis Cluster too. One account makes one slot's work: far below what one Redis can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.resources import files
from typing import Any

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from bot.core.connections import Connections
from bot.core.messages import Conversation

ROOT = "companion"
SURFACES = f"{ROOT}:surfaces"
ERASED = f"{ROOT}:erased"
"""Stands since something was erased that can be opened: somebody's key, or what a key that stays opens. Redis's own files
have it still."""
CONTROL = f"{ROOT}:control"
"""Channel on which workers hear of conversations, by name, in which something that was said was erased."""
STOP, CHANGED = "stop ", "changed "
"""Stand there before the name where only a reply is to stop, or where the next prompt will begin otherwise."""

DAY_MS = 24 * 3600 * 1000
"""Days are UTC's, and begin when Redis's clock says so."""
_SOCKET_SECONDS = 5
_NUM_RETRIES = 4


class Keys:
    """The only maker of keys. Ids were checked by `Conversation`, so no id can reach out of its place."""

    def __init__(self, surface: str) -> None:
        self._prefix = f"{ROOT}:{{{surface}}}"
        self.seen = f"{self._prefix}:seen"
        self.pending = f"{self._prefix}:pending"
        self.line = f"{self._prefix}:line"
        self.reached = f"{self._prefix}:reached"
        self.people = f"{self._prefix}:people"
        self.outbox = f"{self._prefix}:outbox"
        self.sending = f"{self._prefix}:sending"
        self.dead = f"{self._prefix}:dead"
        self.drafts = f"{self._prefix}:drafts"
        self.access = f"{self._prefix}:access"
        self.audit = f"{self._prefix}:audit"
        self.audit_refused = f"{self._prefix}:audit-refused"

    def of(self, conversation: Conversation, what: str) -> str:
        """`what` is one of inbox, state, memory, sent, shown."""
        return f"{self._prefix}:{what}:{conversation.chat}:{conversation.thread}:{conversation.person}"

    def of_person(self, person: str, what: str) -> str:
        """`what` is one of key, settings, conversations, usage, held, behind, rate, told, spent, disclosed."""
        return f"{self._prefix}:{what}:{person}"

    def way(self, conversation: Conversation) -> list[str]:
        """State, inbox, and where the conversation stands among others: what most scripts take first, in this order."""
        person = conversation.person
        own = [self.of(conversation, what) for what in ("state", "inbox")]
        return [*own, self.pending, self.line, self.of_person(person, "held"), self.of_person(person, "behind")]

    def of_chat(self, chat: str, what: str) -> str:
        return f"{self._prefix}:{what}:{chat}"

    def of_invite(self, digest: str) -> str:
        return f"{self._prefix}:invite:{digest}"

    def pattern_of_chat(self, chat: str) -> str:
        """Matches the keys of all conversations in a chat; their ends are `what:chat:thread:person`."""
        return f"{self._prefix}:*:{chat}:*:*"


class Store:
    """A connection and the scripts on it. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        retry = Retry(ExponentialBackoff(cap=0.5, base=0.05), _NUM_RETRIES)
        self.redis = _client(url, retry=retry, retry_on_error=[ConnectionError, TimeoutError])
        self.once = _client(url, retry=Retry(NoBackoff(), 0))
        """For what gives something else when it is asked again: an answer that was lost on its way is an error here."""

    @cached_property
    def _scripts(self) -> dict[str, Any]:
        folder = files("bot.core") / "scripts"
        common = (folder / "common.lua").read_text()
        names = [path.name for path in folder.iterdir() if path.name.endswith(".lua")]
        return {
            name.removesuffix(".lua"): self.redis.register_script(common + (folder / name).read_text())
            for name in names
            if name != "common.lua"
        }

    def call(self, script: str, keys: list[str], *args: str | bytes | int | float, on: Any = None) -> Any:
        """Run one of `scripts/*.lua`, at once or as a part of the pipeline `on`; its head says what it takes and gives."""
        return self._scripts[script](keys=keys, args=list(args), client=on)

    @contextmanager
    def channel(self, name: str, *, tells_begin: bool = False) -> Iterator[Any]:
        """Listen to a pub/sub channel: `get_message(timeout)` gives the next one or None.

        Asked for it, it gives one that is no `message` whenever it begins to hear, again after each time Redis was away.
        """
        with self.redis.pubsub(ignore_subscribe_messages=not tells_begin) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(name)
            yield channel

    def now_ms(self) -> float:
        """Time comes from Redis alone: clocks of workers and adapters may differ and jump."""
        seconds, micros = self.redis.time()
        return float(seconds * 1000 + micros / 1000)

    def add_surface(self, surface: str) -> None:
        self.redis.sadd(SURFACES, surface)

    def surfaces(self) -> list[str]:
        members: Any = self.redis.smembers(SURFACES)
        return sorted(member.decode() for member in members)

    def close(self) -> None:
        self.redis.close()
        self.once.close()


def _client(url: str, **options: Any) -> redis.Redis:
    connections = Connections.from_url(
        url,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_SOCKET_SECONDS,
        health_check_interval=30,
        **options,
    )
    return redis.Redis.from_pool(connections)
