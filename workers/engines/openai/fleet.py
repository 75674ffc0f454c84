"""All servers together: which one takes the next reply, and which are down. Lives on the engine's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from time import monotonic

from workers.engines.base import EngineOptions
from workers.engines.openai.probing import probe
from workers.engines.openai.problems import ServerProblem
from workers.engines.openai.server import Server

HEALTH_SECONDS = 3.0

Tell = Callable[[str], None]


class Fleet:
    """`tell` hears, in words, when a server goes down and when it comes back."""

    def __init__(self, options: EngineOptions, tell: Tell) -> None:
        self.servers = [Server(url, options) for url in options.urls]
        self._options, self._tell = options, tell
        self._turn = 0

    async def meet(self) -> list[ServerProblem]:
        """Ask all for their model and a first reply; gives what is wrong, and those servers count as down."""
        found = await asyncio.gather(*(self._meet(server) for server in self.servers))
        return [problem for problem in found if problem]

    async def watch(self) -> None:
        """For ever: servers that are down are asked again, so that no person's message has to find out."""
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            down = [server for server in self.servers if server.down_since is not None]
            await asyncio.gather(*(self._meet(server) for server in down))

    def choose(self, tried: Set[Server]) -> Server | None:
        """The one with the least to do of those not tried yet: healthy and unhurried ones first. None: all were tried."""
        left = [server for server in self.servers if server not in tried]
        if not left:
            return None
        self._turn += 1
        order = self.servers.index
        return min(left, key=lambda one: (self._is_poor(one), one.open, (order(one) - self._turn) % len(self.servers)))

    @contextmanager
    def busy(self, server: Server) -> Iterator[None]:
        server.open += 1
        try:
            yield
        finally:
            server.open -= 1

    def note(self, server: Server, problem: ServerProblem) -> None:
        """A server failed: leave it alone for a while if it asks for that, else until it is well again."""
        if problem.wait:
            server.quiet_until = monotonic() + problem.wait
        elif problem.elsewhere and problem.key != "openai-busy" and server.down_since is None:
            server.down_since = monotonic()
            self._tell(str(problem))

    @property
    def seconds_gone(self) -> float:
        """How long no server at all has been well."""
        since = [server.down_since for server in self.servers]
        return 0.0 if None in since else monotonic() - max(at for at in since if at is not None)

    async def close(self) -> None:
        await asyncio.gather(*(server.close() for server in self.servers))

    def _is_poor(self, server: Server) -> bool:
        return server.down_since is not None or server.quiet_until > monotonic()

    async def _meet(self, server: Server) -> ServerProblem | None:
        try:
            await probe(server, self._options)
        except ServerProblem as problem:
            server.down_since = server.down_since or monotonic()
            return problem
        if server.down_since is not None:
            server.down_since = None
            self._tell(f"{server.place}: ok")
        return None
