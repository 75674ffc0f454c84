"""One attempt at one server: what is sent, and the answer's parts within the times that are allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

from workers.engines.base import EngineOptions, Sampling
from workers.engines.openai.ids import Said
from workers.engines.openai.problems import ServerProblem
from workers.engines.openai.server import Server
from workers.engines.openai.stream import Finish, Part, parts

# Where R1 would go on with the other side's words.
_STOPS = ["<｜User｜>", "<｜end▁of▁sentence｜>"]
PATHS = {"chat": "chat/completions", "completions": "completions"}
_USAGE_SECONDS = 5.0


def body_of(
    server: Server, options: EngineOptions, messages: Iterable[Said], raw: str, max_tokens: int, sampling: Sampling
) -> dict[str, Any]:
    """The request: `messages` for chat, else `raw`. Nothing that only one kind of server knows, unless it is asked for."""
    body: dict[str, Any] = {"model": server.model, "stream": True, "max_tokens": max_tokens}
    body |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if options.api == "chat":
        body["messages"] = [asdict(message) for message in messages]
    else:
        body |= {"prompt": raw, "stop": _STOPS}
    if sampling.top_k:
        body["top_k"] = sampling.top_k
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if server.tells_usage:
        body["stream_options"] = {"include_usage": True}
    return body


@asynccontextmanager
async def read(server: Server, body: dict[str, Any], options: EngineOptions) -> AsyncIterator[AsyncIterator[Part]]:
    """Send `body` and give the parts of the answer. Being late is a `ServerProblem`, too; leaving closes the connection."""
    first = asyncio.get_running_loop().time() + options.first_seconds
    try:
        async with (
            asyncio.timeout_at(first) as limit,
            server.post(PATHS[options.api], body) as lines,
            aclosing(parts(lines)) as found,
            aclosing(_timed(server, found, first, options)) as timed,
        ):
            limit.reschedule(None)
            yield timed
    except TimeoutError:
        raise _late("openai-silent", server, options.first_seconds) from None


async def _timed(
    server: Server, found: AsyncIterator[Part], first: float, options: EngineOptions
) -> AsyncGenerator[Part, None]:
    """The first part until `first`, each other one within `next_seconds`; what follows the end may be lost."""
    deadline, key, seconds = first, "openai-silent", options.first_seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                part = await anext(found)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _late(key, server, seconds) from None
        yield part
        if isinstance(part, Finish):
            break
        key, seconds = "openai-stalled", options.next_seconds
        deadline = asyncio.get_running_loop().time() + seconds
    with suppress(TimeoutError, ServerProblem):
        async with asyncio.timeout(_USAGE_SECONDS):
            rest = [part async for part in found]
        for part in rest:
            yield part


def _late(key: str, server: Server, seconds: float) -> ServerProblem:
    return ServerProblem(key, {"url": server.place, "seconds": f"{seconds:g}"})
