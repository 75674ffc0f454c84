"""How a worker's processes and their engine's talk: lines of JSON over sockets. The ends are in `link.py` and `clients.py`.

A prompt follows the line of its request as it lies in memory: one of 4,000 tokens would take as long to be written and read as
text as a GPU takes for some layers, and whoever comes back to a long talk waits for both.

To the engine: options from the first, then submit, cancel, forget, close. To the worker: stage, ready, failed, all that a step
brought, and beat with the numbers of an engine that has some.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from socket import socket
from typing import Any

from workers.engines.base import Ended, Event, Request, Sampling, ThoughtLimit, Tokens

BEAT_SECONDS = 0.5
_ID = "I"  # of the kinds of array, the one that is filled quickest


def pack(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def receive(end: socket) -> Iterator[dict[str, Any]]:
    """Messages until the other side is gone; half a message at the end is dropped. All that came at once are read at once."""
    rest = b""
    while chunk := _read(end):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from json.loads(b"[" + b",".join(lines) + b"]")


def _read(end: socket) -> bytes:
    try:
        return end.recv(1 << 16)
    except OSError:
        return b""


def listen(end: socket) -> Iterator[dict[str, Any]]:
    """The engine's side of `receive`: requests have their prompts with them, and what was cut off half-way is dropped."""
    with suppress(OSError), end.makefile("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                return
            message = json.loads(line)
            size = message.get("bytes", 0)
            if len(packed := stream.read(size)) < size:
                return
            if size:
                message["submit"]["prompt"] = array(_ID, packed)
            yield message


def pack_request(request: Request) -> bytes:
    """The message that submits it."""
    try:
        packed = array(_ID, request.prompt).tobytes()
    except OverflowError:
        # Those that are text for a server (`openai/ids.py`); of others there are none, and the engine says so.
        return pack({"submit": {**_dump(request), "prompt": list(request.prompt)}})
    return pack({"submit": {**_dump(request), "prompt": ()}, "bytes": len(packed)}) + packed


def _dump(request: Request) -> dict[str, Any]:
    """All but the prompt. Field by field: `asdict` of the whole would copy a long prompt id by id."""
    return {
        "id": request.id,
        "max_tokens": request.max_tokens,
        "stop_ids": sorted(request.stop_ids),
        "sampling": asdict(request.sampling),
        "banned_ids": sorted(request.banned_ids),
        "thought": request.thought and asdict(request.thought),
        "conversation": request.conversation,
    }


def load_request(fields: dict[str, Any]) -> Request:
    thought = fields["thought"]
    return Request(
        id=fields["id"],
        prompt=fields["prompt"],
        max_tokens=fields["max_tokens"],
        stop_ids=frozenset(fields["stop_ids"]),
        sampling=Sampling(**fields["sampling"]),
        banned_ids=frozenset(fields["banned_ids"]),
        thought=thought and ThoughtLimit(**{**thought, "closing": tuple(thought["closing"])}),
        conversation=fields["conversation"],
    )


def dump_events(events: Iterable[Event]) -> dict[str, dict[str, list[Any]]]:
    """By the number of the client, which an id begins with. Flat, as every token of every reply comes this way: `of` names
    the request of each of the new `ids`; then `ends`.
    """
    parts: defaultdict[str, dict[str, list[Any]]] = defaultdict(lambda: {"of": [], "ids": [], "ends": []})
    for event in events:
        number, _, key = event.id.partition(":")
        part = parts[number]
        if isinstance(event, Tokens):
            part["of"] += [key] * len(event.ids)
            part["ids"] += event.ids
        else:
            part["ends"].append([key, event.reason, event.detail, event.usage])
    return parts


def load_end(fields: list[Any]) -> Ended:
    id, reason, detail, usage = fields
    return Ended(id, reason, detail, tuple(usage) if usage else None)
