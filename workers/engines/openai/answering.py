"""One reply: which server is asked, when another one is, and the answer as ids.

Only what nobody has seen yet is tried again: with its first word a reply belongs to one server, and ends as it ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, Never

from workers.engines.base import Ended, EngineOptions, Reason, Request, Tokens
from workers.engines.echo import END_THINK, THINK
from workers.engines.openai.asking import body_of, read
from workers.engines.openai.fleet import Fleet
from workers.engines.openai.ids import Packer, messages_of, raw_of
from workers.engines.openai.problems import MAX_WAIT_SECONDS, ServerProblem
from workers.engines.openai.server import Server
from workers.engines.openai.stream import Delta, Finish, Usage
from workers.thinking import CLOSE, OPEN

ROUNDS = 4
FIRST_PAUSE_SECONDS = 0.5
CANNOT_GO_ON = "a chat server cannot go on with what is written already"

Emit = Callable[[Tokens], None]


class Answering:
    """Asks the servers of `fleet`, as often as it takes."""

    def __init__(self, fleet: Fleet, options: EngineOptions) -> None:
        self._fleet, self._options = fleet, options

    async def answer(self, request: Request, emit: Emit) -> Ended:
        """Tokens go to `emit`; the end is given."""
        messages, written = messages_of(request.prompt)
        if self._options.api == "chat" and (written or not messages):
            return Ended(request.id, "refused", CANNOT_GO_ON if written else "an empty prompt")
        problem: ServerProblem | None = None
        for num_round in range(ROUNDS):
            if num_round:
                assert problem is not None, "another round has a reason"
                await asyncio.sleep(_pause(num_round, problem))
            outcome = await self._round(request, emit)
            if isinstance(outcome, Ended):
                return outcome
            problem = outcome
            if not problem.again:
                break
        assert problem is not None, "a round ends with one or the other"
        return Ended(request.id, "refused" if problem.refuses else "error", str(problem))

    async def _round(self, request: Request, emit: Emit) -> Ended | ServerProblem:
        """Each server once, until one answers; else the problem that leaves most hope."""
        tried: dict[Server, ServerProblem] = {}
        while server := self._fleet.choose(tried.keys()):
            reply = _Reply(request, server, emit, self._options)
            try:
                with self._fleet.busy(server):
                    return await reply.receive()
            except ServerProblem as problem:
                self._fleet.note(server, problem)
                if reply.has_begun:
                    return Ended(request.id, "error", str(problem))
                if not problem.elsewhere:
                    return problem
                tried[server] = problem
        return next((problem for problem in tried.values() if problem.again), next(iter(tried.values())))


def _pause(num_round: int, problem: ServerProblem) -> float:
    """Longer each time and never the same for all; what the server asks for at the least."""
    pause: float = problem.wait + FIRST_PAUSE_SECONDS * 2**num_round * random.uniform(0.5, 1.0)  # noqa: S311
    return min(pause, MAX_WAIT_SECONDS)


class _Reply:
    """One attempt at one server."""

    def __init__(self, request: Request, server: Server, emit: Emit, options: EngineOptions) -> None:
        self.has_begun = False
        self._request, self._server, self._emit, self._options = request, server, emit, options
        self._packer = Packer()
        self._in_thought = self._is_marked = self._is_unclosed = False
        self._begins_inside = options.api == "chat" and bool(server.opens_thought)
        self._tail = ""

    async def receive(self) -> Ended:
        reason: Reason = "stop"
        usage = None
        async with read(self._server, self._body(), self._options) as parts:
            async for part in parts:
                if isinstance(part, Usage):
                    usage = (part.prompt, part.new)
                elif isinstance(part, Finish):
                    reason = part.reason
                elif not self._take(part):
                    return Ended(self._request.id, "stop")
        if reason == "stop" and self._is_unclosed and self._server.only_guessed:
            self._believe(False, "openai-no-thought")
        is_whole = self._send(self._packer.flush())
        return Ended(self._request.id, reason if is_whole else "stop", usage=usage)

    def _body(self) -> dict[str, Any]:
        messages, _ = messages_of(self._request.prompt)
        request = self._request
        raw = raw_of(request.prompt)
        return body_of(self._server, self._options, messages, raw, request.max_tokens, request.sampling)

    def _take(self, delta: Delta) -> bool:
        """Send a piece on, with the marks that part thought and answer; false at a stop token."""
        marks: tuple[int, ...] = ()
        if delta.kind == "thought" and not self._in_thought:
            self._in_thought = self._packer.is_parted = True
            marks = self._packer.mark(THINK)
        elif delta.kind == "text" and self._in_thought:
            self._in_thought, marks = False, self._packer.mark(END_THINK)
        elif delta.kind == "text" and self._begins_inside and not self.has_begun and OPEN not in delta.text:
            self._is_unclosed, marks = True, self._packer.mark(THINK)
        self._is_marked = self._is_marked or bool(marks)
        if delta.kind == "text":
            self._look_for_strays(delta.text)
        return self._send((*marks, *self._packer.feed(delta.text)))

    def _look_for_strays(self, text: str) -> None:
        """A thought that ends without having begun was taken for the answer; the next try knows better.

        Unless the answer only names such an end: the next reply shows that, for it does not end what it never began.
        """
        seen, self._tail = self._tail + text, (self._tail + text)[-len(CLOSE) :]
        self._is_marked = self._is_marked or OPEN in seen
        self._is_unclosed = self._is_unclosed and CLOSE not in seen
        if CLOSE in seen and not self._is_marked and self._options.api == "chat":
            self._believe(True, "openai-stray-thought")

    def _believe(self, opens_thought: bool, key: str) -> Never:
        self._server.opens_thought = self._server.only_guessed = opens_thought
        raise ServerProblem(key, {"url": self._server.place}, elsewhere=False, again=True)

    def _send(self, ids: tuple[int, ...]) -> bool:
        stop = next((at for at, id in enumerate(ids) if id in self._request.stop_ids), len(ids))
        if ids[:stop]:
            self.has_begun = True
            self._emit(Tokens(self._request.id, ids[:stop]))
        return stop == len(ids)
