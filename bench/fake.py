"""A worker whose engine only plays a text back, at a steady pace for each reply: what the worker itself can carry.

`bench/service.py --fake 150` starts it; the pace comes with the environment. It ends thoughts as the paged engine does.
"""

import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter, sleep

from workers.engines import ENGINES, child, life
from workers.engines.base import Ended, Limits, Tokens

SPEED = "BENCH_TOKENS_PER_SECOND"
ROOT = Path(__file__).parents[1]


class Playback:
    """See `workers.engines.base.Engine`. Every step gives each reply its next token."""

    def __init__(self, options, progress):
        from workers.tokenizer import load_tokenizer

        text = "\n".join(file.read_text() for file in sorted(ROOT.glob("docs/*.md")))
        self.ids = load_tokenizer("paged", options.model).encode(text)
        self.limits = Limits(options.context, options.requests, steers=True)
        self.pause, self.due = 1 / float(os.environ[SPEED]), 0.0
        self.asked, self.open = SimpleQueue(), {}

    def submit(self, request):
        self.asked.put(request)

    def cancel(self, id):
        self.asked.put(id)

    def step(self, timeout):
        events = self.hear(0.0 if self.open else timeout)
        if self.open:
            sleep(max(0.0, self.due - perf_counter()))
            self.due = max(self.due + self.pause, perf_counter() - self.pause)
            for id, reply in list(self.open.items()):
                events += self.go_on(id, reply)
        return events

    def hear(self, timeout):
        events = []
        try:
            while True:
                item = self.asked.get(timeout > 0, timeout)
                timeout = 0.0
                if isinstance(item, str):
                    events += [Ended(item, "cancelled")] if self.open.pop(item, None) else []
                elif item.max_tokens:
                    self.open[item.id] = self.reply(item)
                else:
                    events.append(Ended(item.id, "length"))
        except Empty:
            return events

    def reply(self, request):
        start, thought = random.randrange(len(self.ids)), request.thought
        rest = (*self.ids[start:], *self.ids)
        ids = (*rest[: thought.tokens], *thought.closing, *rest[thought.tokens :]) if thought else rest
        return iter(ids[: request.max_tokens])

    def go_on(self, id, reply):
        if (token := next(reply, None)) is not None:
            return [Tokens(id, (token,))]
        del self.open[id]
        return [Ended(id, "length")]

    def close(self):
        self.open.clear()


def begin():
    """Engines that this process starts from now on are such ones."""
    life.Popen = partial(_start, subprocess.Popen)


def _start(popen, command, **how):
    return popen([sys.executable, __file__, "child"], **how)


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        ENGINES["paged"] = Playback
        child.main()
    else:
        from workers.cli import main

        begin()
        main()
