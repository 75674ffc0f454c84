"""How the worker and its engine process talk: lines of JSON over two pipes. `process.py` and `child.py` are the ends.

To the child: options, then submit, cancel, close. To the worker: stage, ready, failed, all that a step brought, and beat
with the numbers of an engine that has some.
"""

from __future__ import annotations

import json
import os
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from workers.engines.base import Ended, Event, Request, Sampling, ThoughtLimit, Tokens

BEAT_SECONDS = 0.5


def send(fd: int, message: dict[str, Any]) -> None:
    """Write one message, whole; the caller holds the lock. Raises OSError when nobody reads any more."""
    left = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    while left:
        left = left[os.write(fd, left) :]


def receive(fd: int) -> Iterator[dict[str, Any]]:
    """Messages until the other side is gone; half a message at the end is dropped. All that came at once are read at once."""
    rest = b""
    while chunk := os.read(fd, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from json.loads(b"[" + b",".join(lines) + b"]")


def dump_request(request: Request) -> dict[str, Any]:
    """Field by field: `asdict` of the whole would copy a long prompt id by id."""
    return {
        "id": request.id,
        "prompt": _pack(request.prompt),
        "max_tokens": request.max_tokens,
        "stop_ids": sorted(request.stop_ids),
        "sampling": asdict(request.sampling),
        "banned_ids": sorted(request.banned_ids),
        "thought": request.thought and asdict(request.thought),
    }


def load_request(fields: dict[str, Any]) -> Request:
    thought = fields["thought"]
    return Request(
        id=fields["id"],
        prompt=_unpack(fields["prompt"]),
        max_tokens=fields["max_tokens"],
        stop_ids=frozenset(fields["stop_ids"]),
        sampling=Sampling(**fields["sampling"]),
        banned_ids=frozenset(fields["banned_ids"]),
        thought=thought and ThoughtLimit(**{**thought, "closing": tuple(thought["closing"])}),
    )


def _pack(ids: tuple[int, ...]) -> str | tuple[int, ...]:
    """A long prompt is read and written four times as fast like this, and whoever reads it keeps the engine waiting."""
    try:
        return b64encode(array("I", ids)).decode()
    except OverflowError:
        # There are no such ids, and the engine says so.
        return ids


def _unpack(packed: str | list[int]) -> tuple[int, ...]:
    if not isinstance(packed, str):
        return tuple(packed)
    ids = array("I")
    ids.frombytes(b64decode(packed))
    return tuple(ids)


def dump_events(events: Iterable[Event]) -> dict[str, list[Any]]:
    """Flat, as every token of every reply comes this way: `of` names the request of each of the new `ids`; then `ends`."""
    of: list[str] = []
    ids: list[int] = []
    ends: list[Any] = []
    for event in events:
        if isinstance(event, Tokens):
            of += [event.id] * len(event.ids)
            ids += event.ids
        else:
            ends.append([event.id, event.reason, event.detail, event.usage])
    return {"of": of, "ids": ids, "ends": ends}


def load_end(fields: list[Any]) -> Ended:
    id, reason, detail, usage = fields
    return Ended(id, reason, detail, tuple(usage) if usage else None)
