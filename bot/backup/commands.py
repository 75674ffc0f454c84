"""What is kept in Redis, as the commands that make it again: any Redis understands them, older or newer than this one.

Left out is what holds only for a moment: leases, places in the line, who is alive, wake-ups. A conversation with lines
waiting is marked as overdue instead, so that a sweeper wakes it wherever it comes to life.

The order matters, for people may write meanwhile. Updates that were seen are read before the inboxes, and finals after
them: a line that is answered during the backup may be answered twice after a restore, but it is never lost. Whoever
begins to write during the backup may be missing from it. Who is known, and where they spoke, is read before the inboxes and
once more after them: whoever's words are in the backup can be found, and erased, wherever it is restored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, TypeVar

from bot.core.store import ROOT, Keys, Store

Command = list[bytes]
T = TypeVar("T")

MADE = frozenset({b"DEL", b"SET", b"HSET", b"RPUSH", b"SADD", b"ZADD", b"XADD", b"XGROUP", b"XSETID", b"PEXPIREAT"})
"""The commands that a backup is made of."""

_CONVERSATION = re.compile(rb"companion:\{([^}]+)\}:(?:state|inbox|memory|sent):([^:]+:[^:]+:([^:]+))")
_SURFACE = re.compile(rb"companion:\{([^}]+)\}:")
_WHOSE = re.compile(rb"companion:\{[^}]+\}:(?:people|conversations:[^:]+)")
_LAST = re.compile(rb"companion:\{[^}]+\}:(?:dead|outbox|sending)")
_LEFT_OUT = re.compile(
    rb"companion:(?:companion(?:\x06.*)?|_kombu\..*|unacked.*|workers?|worker:.*|memory-key-check"
    rb"|\{[^}]+\}:(?:pending|line|held|behind|reached)(?::.*)?)",
    re.DOTALL,
)
_MOMENTARY = (b"lease", b"until", b"stop", b"holder")
_NUM_SCANNED, _NUM_KEYS, _NUM_CONVERSATIONS, _NUM_PARTS = 1000, 200, 16, 200
_BIG_BYTES = 1 << 16
_VERBS = {b"hash": b"HSET", b"list": b"RPUSH", b"set": b"SADD", b"zset": b"ZADD"}


def is_carried(name: bytes) -> bool:
    return not _LEFT_OUT.fullmatch(name)


def all_names(redis: Any) -> Iterator[bytes]:
    """Every key of Companion's; one that is made or removed meanwhile may or may not be among them."""
    yield from redis.scan_iter(match=f"{ROOT}:*", count=_NUM_SCANNED)


def commands(store: Store) -> Iterator[Command]:
    """Everything that is worth carrying, a few conversations at a time."""
    redis, surfaces = store.redis, {surface.encode() for surface in store.surfaces()}
    yield from _keys(redis, filter(_is_plain, all_names(redis)))
    for batch in _batches(_conversations(all_names(redis), surfaces), _NUM_CONVERSATIONS):
        yield from _read_conversations(redis, batch)
    yield from _keys(redis, filter(_WHOSE.fullmatch, all_names(redis)))
    for surface in sorted(surfaces):
        keys = Keys(surface.decode())
        yield from _keys(redis, (keys.dead.encode(), keys.outbox.encode(), keys.sending.encode()))


def _is_plain(name: bytes) -> bool:
    return is_carried(name) and not _CONVERSATION.fullmatch(name) and not _LAST.fullmatch(name)


def _conversations(names: Iterable[bytes], surfaces: set[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Surface, the rest of the conversation's name, and the person, once each; notes every surface on the way."""
    done = set()
    for name in names:
        if found := _SURFACE.match(name):
            surfaces.add(found[1])
        found = _CONVERSATION.fullmatch(name)
        if found and (found[1], found[2]) not in done:
            done.add((found[1], found[2]))
            yield found[1], found[2], found[3]


def _read_conversations(redis: Any, batch: list[tuple[bytes, bytes, bytes]]) -> Iterator[Command]:
    """Each at one moment, with the key that opens it: memory and inbox fit together."""
    pipe = redis.pipeline(transaction=True)
    pipe.time()
    for surface, rest, person in batch:
        state, inbox, memory, sent = _names(surface, rest)
        pipe.hgetall(state).lrange(inbox, 0, -1).lrange(memory, 0, -1).lrange(sent, 0, -1)
        pipe.get(_key(surface, b"key", person))
        for name in (state, inbox, memory, sent):
            pipe.pttl(name)
    now, *answers = pipe.execute()
    for index, (surface, rest, person) in enumerate(batch):
        yield from _conversation(surface, rest, person, answers[9 * index : 9 * index + 9], _ms(now))


def _conversation(surface: bytes, rest: bytes, person: bytes, answers: list[Any], now: int) -> Iterator[Command]:
    state, inbox, memory, sent, key, *ttls = answers
    yield from _made(b"string", _key(surface, b"key", person), key, -1)
    parts = [(b"hash", _at_rest(state)), (b"list", inbox), (b"list", memory), (b"list", sent)]
    for name, (kind, value), ttl in zip(_names(surface, rest), parts, ttls, strict=True):
        yield from _made(kind, name, value, ttl if ttl < 0 else now + ttl)
    if inbox or memory:
        yield [b"SADD", _key(surface, b"conversations", person), surface + b":" + rest]
    if inbox:
        yield [b"ZADD", _key(surface, b"pending"), b"0", surface + b":" + rest]


def _at_rest(state: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Nobody is answering; the try that was under way says nothing about the lines."""
    rest = {field: value for field, value in state.items() if field not in _MOMENTARY}
    if b"lease" in state and b"tries" in rest:
        rest[b"tries"] = b"%d" % max(0, int(rest[b"tries"]) - 1)
    return rest


def _keys(redis: Any, names: Iterable[bytes]) -> Iterator[Command]:
    """Keys that stand for themselves. Small ones are read many at a time, big ones piece by piece."""
    for batch in _batches(names, _NUM_KEYS):
        small = []
        for name, kind, size, until in _looks(redis, batch):
            if kind == b"stream":
                yield from _stream(redis, name, until)
            elif size > _BIG_BYTES and kind in (b"hash", b"set", b"zset"):
                yield from _big(redis, kind, name, until)
            elif kind != b"none":
                small.append((name, kind, until))
        yield from _small(redis, small)


def _looks(redis: Any, names: list[bytes]) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Name, type, size in bytes, and the time at which it expires or something negative."""
    pipe = redis.pipeline(transaction=False)
    pipe.time()
    for name in names:
        pipe.type(name).memory_usage(name).pttl(name)
    now, *answers = pipe.execute()
    for name, kind, size, ttl in zip(names, answers[::3], answers[1::3], answers[2::3], strict=True):
        yield name, kind, size or 0, ttl if ttl < 0 else _ms(now) + ttl


def _small(redis: Any, looks: list[tuple[bytes, bytes, int]]) -> Iterator[Command]:
    pipe = redis.pipeline(transaction=False)
    ask = {
        b"string": pipe.get,
        b"hash": pipe.hgetall,
        b"set": pipe.smembers,
        b"list": lambda name: pipe.lrange(name, 0, -1),
        b"zset": lambda name: pipe.zrange(name, 0, -1, withscores=True),
    }
    for name, kind, _ in looks:
        ask[kind](name)
    for (name, kind, until), answer in zip(looks, pipe.execute(), strict=True):
        yield from _made(kind, name, answer, until)


def _big(redis: Any, kind: bytes, name: bytes, until: int) -> Iterator[Command]:
    scan = {b"hash": redis.hscan_iter, b"set": redis.sscan_iter, b"zset": redis.zscan_iter}[kind]
    for part in _batches(scan(name, count=_NUM_PARTS), _NUM_PARTS):
        yield from _made(kind, name, dict(part) if kind == b"hash" else part, until)


def _stream(redis: Any, name: bytes, until: int) -> Iterator[Command]:
    """Entries under their own ids. Its groups begin anew: what was not acknowledged is delivered, or told as a repeat."""
    yield [b"DEL", name]
    start = b"-"
    while entries := redis.xrange(name, start, "+", count=_NUM_PARTS):
        for id, fields in entries:
            yield [b"XADD", name, id, *chain.from_iterable(fields.items())]
        start = b"(" + entries[-1][0]
    groups = [group["name"] for group in redis.xinfo_groups(name)]
    for group in groups:
        yield [b"XGROUP", b"CREATE", name, group, b"0", b"MKSTREAM"]
    if groups:
        yield [b"XSETID", name, redis.xinfo_stream(name)["last-generated-id"]]
    yield from _expiring(name, until)


def _made(kind: bytes, name: bytes, value: Any, until: int) -> Iterator[Command]:
    """The commands that make a key of that value again, or a part of it; none for what is gone by now."""
    if not value and value != b"":
        return
    if kind == b"string":
        yield [b"SET", name, value]
    else:
        if kind == b"list":
            yield [b"DEL", name]
        for part in _batches(_flat(kind, value), _NUM_PARTS):
            yield [_VERBS[kind], name, *part]
    yield from _expiring(name, until)


def _flat(kind: bytes, value: Any) -> Iterable[bytes]:
    if kind == b"hash":
        return chain.from_iterable(value.items())
    if kind == b"zset":
        return chain.from_iterable((repr(float(score)).encode(), member) for member, score in value)
    return value  # type: ignore[no-any-return]


def _expiring(name: bytes, until: int) -> Iterator[Command]:
    if until >= 0:
        yield [b"PEXPIREAT", name, b"%d" % until]


def _names(surface: bytes, rest: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    state, inbox, memory, sent = (_key(surface, what, rest) for what in (b"state", b"inbox", b"memory", b"sent"))
    return state, inbox, memory, sent


def _key(surface: bytes, *rest: bytes) -> bytes:
    return b":".join((f"{ROOT}:{{{surface.decode()}}}".encode(), *rest))


def _ms(time: tuple[int, int]) -> int:
    return time[0] * 1000 + time[1] // 1000


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
