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


def check_servers(options: EngineOptions) -> Iterator[Check]:
    """One check a server."""
    name = say(language(), "check-server")
    if key := missing(options):
        yield Check(name, False, say(language(), key), advise(language(), key))
        return
    for url in options.urls:
        yield Check(name, *asyncio.run(_look(url, options)))


async def _look(url: str, options: EngineOptions) -> tuple[bool, str, str]:
    """Whether it is well, what was found, and what to type."""
    from workers.engines.openai.probing import meet_model, probe
    from workers.engines.openai.problems import ServerProblem
    from workers.engines.openai.server import Server

    server = Server(url, options)
    try:
        if not await meet_model(server, options.model):
            await probe(server, options)
    except ServerProblem as problem:
        return False, *problem.parts(language())
    finally:
        await server.close()
    where = "openai-well-here" if is_here(url) else "openai-well"
    return True, say(language(), where, url=server.place, model=server.model), ""
