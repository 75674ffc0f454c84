"""What a server sends while it writes: server-sent events to pieces of thought and answer, the end, and the tokens used."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from typing import Any, Literal

from workers.engines.openai.problems import ServerProblem, of_event

# Whatever cuts a reply off, the person is told that it is not whole.
_ENDS: dict[str, Literal["stop", "length"]] = dict.fromkeys(("length", "max_tokens", "content_filter"), "length")
_THOUGHT = ("reasoning_content", "reasoning")
_ABORTED = ("abort", "error", "insufficient_system_resource")


@dataclass(frozen=True, slots=True)
class Delta:
    """Some text, never empty. `thought` only where the server itself parts thought and answer."""

    kind: Literal["thought", "text"]
    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The model has ended; `usage` may still follow."""

    reason: Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counts them."""

    prompt: int
    new: int


Part = Delta | Finish | Usage


async def parts(lines: AsyncIterable[str]) -> AsyncGenerator[Part, None]:
    """Until the server says that it is done. Raises `ServerProblem` for what is no such stream, or ends too early."""
    has_ended = False
    async for line in lines:
        if not line.startswith("data:"):
            _look(line)
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            if not has_ended:
                yield Finish("stop")
            return
        for part in _read(data):
            has_ended = has_ended or isinstance(part, Finish)
            yield part
    if not has_ended:
        raise ServerProblem("openai-cut", again=True)


def _look(line: str) -> None:
    """Between the data: comments that keep the line alive, and names of events. All else is no event stream."""
    if line and not line.startswith((":", "event:", "id:", "retry:")):
        raise ServerProblem("openai-web-page" if line.lstrip().startswith("<") else "openai-not-understood", {"status": 200})


def _read(data: str) -> list[Part]:
    try:
        chunk = json.loads(data)
        return _parts_of(chunk)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise ServerProblem("openai-not-understood", again=True) from problem


def _parts_of(chunk: dict[str, Any]) -> list[Part]:
    if chunk.get("error"):
        raise of_event(chunk["error"])
    found: list[Part] = []
    for choice in chunk.get("choices") or []:
        found += _deltas(choice.get("delta") or {}, choice.get("text"))
        if reason := choice.get("finish_reason"):
            if reason in _ABORTED:
                raise ServerProblem("openai-broken", {"status": 500}, again=True)
            found.append(Finish(_ENDS.get(reason, "stop")))
    if usage := chunk.get("usage"):
        found.append(Usage(int(usage["prompt_tokens"]), int(usage.get("completion_tokens") or 0)))
    return found


def _deltas(delta: dict[str, Any], text: str | None) -> list[Part]:
    thought = next((delta[name] for name in _THOUGHT if delta.get(name)), "")
    content = delta.get("content") or text or ""
    if not (isinstance(thought, str) and isinstance(content, str)):
        raise TypeError("text is not text")
    pieces: list[Part] = [Delta("thought", thought)] if thought else []
    return [*pieces, Delta("text", content)] if content else pieces
