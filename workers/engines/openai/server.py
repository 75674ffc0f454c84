"""One server: where it is, what it was found to be, and one conversation with it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from workers.engines.base import EngineOptions
from workers.engines.openai.places import base_of, is_here
from workers.engines.openai.problems import ServerProblem, of_status

CONNECT_SECONDS = 5.0
ASK_SECONDS = 10.0
_MAX_ERROR_BYTES = 1 << 16


class Server:
    """What is known of it: `model` and `context` (0: unknown), whether its replies begin inside an unmarked thought
    (`opens_thought`; None: not yet tried; a reply may show that this was `only_guessed`), and whether it takes
    `stream_options` (`tells_usage`). `open` replies run there now.
    """

    def __init__(self, url: str, options: EngineOptions) -> None:
        self.place, self.model, self.context = base_of(url), options.model, 0
        self.opens_thought: bool | None = None
        self.only_guessed = False
        self.tells_usage = True
        self.open = 0
        self.down_since: float | None = None
        self.quiet_until = 0.0
        self._key, self._next_seconds = options.key, options.next_seconds
        parts = urlsplit(url)
        self._client = httpx.AsyncClient(
            base_url=self.place,
            auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username and not options.key else None,
            headers={"Authorization": f"Bearer {options.key}"} if options.key else {},
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=options.requests or 32),
            # A proxy that is set for the world has no business between us and ourselves.
            trust_env=not is_here(url),
        )

    async def models(self) -> list[dict[str, Any]] | None:
        """What it lists; None where it has no such list."""
        async with asyncio.timeout(ASK_SECONDS):
            with self._problems():
                response = await self._client.get("models")
        # `transformers serve` breaks here while its cache is empty; whether it can answer, an answer shows.
        if response.status_code in (404, 405, 500, 501):
            return None
        self._raise_for(response, response.content)
        try:
            listed = response.json()["data"]
            return [model for model in listed if isinstance(model["id"], str)]
        except (ValueError, KeyError, TypeError) as problem:
            raise ServerProblem("openai-not-understood").at(self.place) from problem

    @asynccontextmanager
    async def post(self, path: str, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[str]]:
        """Send a request, give the lines of the answer as they come. Leaving early closes the connection, at once."""
        with self._problems():
            response = await self._client.send(self._client.build_request("POST", path, json=body), stream=True)
            try:
                if response.status_code != 200:
                    self._raise_for(response, await _beginning(response))
                async with aclosing(self._lines(response)) as lines:
                    yield lines
            finally:
                await response.aclose()

    async def _lines(self, response: httpx.Response) -> AsyncGenerator[str, None]:
        """They end where the server ends them: for httpx, as for Python, lines end within texts, too."""
        rest = b""
        with self._problems():
            async for chunk in response.aiter_bytes():
                *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace")
        yield rest.decode(errors="replace")

    async def close(self) -> None:
        await self._client.aclose()

    def _raise_for(self, response: httpx.Response, body: bytes) -> None:
        if response.status_code != 200:
            problem = of_status(response.status_code, response.headers, body, self.model).at(self.place)
            problem.words = problem.words.replace(self._key, "…") if self._key else problem.words
            raise problem

    def _problems(self) -> _Mapped:
        return _Mapped(self.place)


class _Mapped:
    """httpx's errors become ours, with this server's name; the texts of theirs hold URLs and are not told."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ServerProblem):
            error.at(self._place)
        elif isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol | httpx.InvalidURL):
            raise ServerProblem(
                "openai-unreachable", {"url": self._place, "problem": type(error).__name__}, again=True
            ) from None
        elif isinstance(error, httpx.HTTPError | httpx.StreamError):
            raise ServerProblem("openai-cut", {"url": self._place}, again=True) from None


async def _beginning(response: httpx.Response) -> bytes:
    """Of an error's body: enough to read, however much is sent."""
    body = b""
    async with asyncio.timeout(ASK_SECONDS):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ERROR_BYTES:
                break
    return body
