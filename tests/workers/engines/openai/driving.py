"""Drives the engine by hand and reads its ids as text."""

import time

from workers.engines import load
from workers.engines.base import Ended, EngineOptions, Request, Sampling
from workers.engines.openai.tokenizer import ChatTokenizer, ServerTokenizer
from workers.tokenizer import Message


class Driver:
    def __init__(self, *servers, **options):
        urls = tuple(server if isinstance(server, str) else server.url for server in servers)
        self.options = EngineOptions("openai", urls=urls, **options)
        self.engine = load(self.options)
        self.tokenizer = ChatTokenizer() if self.options.api == "chat" else ServerTokenizer()

    def submit(self, *turns, id="a", max_tokens=400, sampling=None, stop_ids=frozenset()):
        roles = ("user", "assistant") * len(turns)
        prompt = self.tokenizer.render([Message(role, turn) for role, turn in zip(roles, turns, strict=False)])
        self.engine.submit(Request(id, prompt, max_tokens, stop_ids, sampling or Sampling()))

    def ask(self, *turns, **how):
        """(text with its tags, the end)."""
        self.submit(*turns, **how)
        return self.rest()

    def rest(self, seconds=60):
        text, ended = self.take(lambda text, ended: ended, seconds)
        return text, ended

    def take(self, is_enough, seconds=60):
        """Step until it is enough of one request."""
        decoder, text, ended = self.tokenizer.decoder(), "", None
        deadline = time.monotonic() + seconds
        while not is_enough(text, ended):
            assert time.monotonic() < deadline, "no end"
            for event in self.engine.step(0.05):
                if isinstance(event, Ended):
                    assert ended is None, "a second end"
                    ended = event
                else:
                    text += decoder.feed(event.ids)
        return text + (decoder.flush() if ended else ""), ended

    def ends(self, num, seconds=60):
        """The ends of several requests."""
        ends, deadline = {}, time.monotonic() + seconds
        while len(ends) < num:
            assert time.monotonic() < deadline, "no end"
            ends |= {event.id: event for event in self.engine.step(0.05) if isinstance(event, Ended)}
        return ends

    def close(self):
        self.engine.close()


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()
