"""Meets a server before anybody waits for it: which model it has, and how its replies look. Costs a few tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workers.engines.base import EngineOptions, Sampling
from workers.engines.openai.asking import body_of, read
from workers.engines.openai.ids import Said
from workers.engines.openai.problems import ServerProblem
from workers.engines.openai.server import ASK_SECONDS, Server
from workers.engines.openai.stream import Delta, Finish
from workers.thinking import CLOSE, OPEN

_QUESTION = "Answer with one word: OK."
_RAW = f"<｜User｜>{_QUESTION}<｜Assistant｜>{OPEN}\n"
_MAX_TOKENS = 512
_MAX_NAMES = 12


async def probe(server: Server, options: EngineOptions) -> None:
    """Find out what is not known yet; raises `ServerProblem` when this server cannot be used."""
    await meet_model(server, options.model)
    if server.opens_thought is None:
        try:
            await _try(server, options)
        except ServerProblem as problem:
            raise _with_words(problem) from problem


async def meet_model(server: Server, wanted: str) -> bool:
    """Ask which model it has; raises `ServerProblem` when it is not reached, refuses the key, or has not the one wanted.

    False: it does not list its models, so that nothing is known but the name that is wanted.
    """
    try:
        return await _find_model(server, wanted)
    except TimeoutError as problem:
        raise ServerProblem("openai-silent", {"url": server.place, "seconds": f"{ASK_SECONDS:g}"}, again=True) from problem
    except ServerProblem as problem:
        raise _with_words(problem) from problem


async def _find_model(server: Server, wanted: str) -> bool:
    listed = await server.models()
    if listed is None and not wanted:
        raise ServerProblem("openai-no-list", {"url": server.place})
    names = [model["id"] for model in listed or []]
    if wanted and listed and wanted not in names:
        raise ServerProblem("openai-no-model", {"url": server.place, "model": wanted, "names": _told(names)})
    if not wanted and len(names) != 1:
        key = "openai-which-model" if names else "openai-no-models"
        raise ServerProblem(key, {"url": server.place, "names": _told(names)}, again=not names)
    if (model := wanted or names[0]) != server.model:
        # What is known of replies was the other model's.
        server.model, server.opens_thought = model, None
    server.context = next((_context(model) for model in listed or [] if model["id"] == server.model), 0)
    return listed is not None


def _context(model: dict[str, Any]) -> int:
    sizes = (model.get(name) for name in ("max_model_len", "context_length"))
    return next((size for size in sizes if isinstance(size, int) and size > 0), 0)


def _told(names: list[str]) -> str:
    return ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")


async def _try(server: Server, options: EngineOptions) -> None:
    """One short reply, without `stream_options` where the server does not know them."""
    try:
        server.opens_thought = await _look(server, options)
    except ServerProblem as problem:
        # A server that stumbled over the question before may close the line just when this one is sent.
        if problem.key not in ("openai-refused", "openai-cut"):
            raise
        server.tells_usage = problem.key != "openai-refused"
        server.opens_thought = await _look(server, options)


async def _look(server: Server, options: EngineOptions) -> bool:
    """Whether a reply begins inside a thought that nothing has opened: R1's template opens it in the prompt.

    A server that parts thoughts says so with the first word, and a model without them ends soon and without a tag.
    """
    most = _MAX_TOKENS if options.api == "chat" else 1
    text = ""
    body = body_of(server, options, [Said("user", _QUESTION)], _RAW, most, Sampling())
    async with read(server, body, options) as parts:
        async for part in parts:
            if isinstance(part, Finish):
                # One that the server hides takes all the tokens, too, and leaves no text.
                server.only_guessed = part.reason == "length" and options.api == "chat" and text != ""
                return server.only_guessed
            if isinstance(part, Delta) and part.kind == "thought":
                return False
            text += part.text if isinstance(part, Delta) else ""
            if OPEN in text or CLOSE in text:
                return OPEN not in text
    return False


def _with_words(problem: ServerProblem) -> ServerProblem:
    """These words answer our own question and hold nobody's text."""
    if not problem.words or "status" not in problem.values:
        return problem
    return replace(problem, values={**problem.values, "status": f"{problem.values['status']}: {problem.words}"})
