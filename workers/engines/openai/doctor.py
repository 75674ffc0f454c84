"""What `python -m workers doctor` says of each server, in a line: does it answer, take the key, and have the model?

Only a server that does not list its models is asked for a reply: all else costs no tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bot.core.checks import Check
from workers.engines.base import EngineOptions
from workers.engines.openai import missing
from workers.engines.openai.places import is_here
from workers.texts import advise, language, say

NAME = "model server"


def check_servers(options: EngineOptions) -> Iterator[Check]:
    """One check a server."""
    if key := missing(options):
        yield Check(NAME, False, say(language(), key), advise(language(), key))
        return
    for url in options.urls:
        yield asyncio.run(_check(url, options))


async def _check(url: str, options: EngineOptions) -> Check:
    from workers.engines.openai.probing import meet_model, probe
    from workers.engines.openai.problems import ServerProblem
    from workers.engines.openai.server import Server

    server = Server(url, options)
    try:
        if not await meet_model(server, options.model):
            await probe(server, options)
    except ServerProblem as problem:
        return Check(NAME, False, *problem.parts(language()))
    finally:
        await server.close()
    where = "openai-well-here" if is_here(url) else "openai-well"
    return Check(NAME, True, say(language(), where, url=server.place, model=server.model))
