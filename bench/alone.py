"""The engine with nothing around it, on the very requests that the worker would make, as many at once as the service has."""

import threading
import time
from collections import deque

from bot.core.messages import Conversation, Line
from bot.core.personas import Personas
from workers.engines.process import EngineProcess
from workers.heart import Watch
from workers.models import choose
from workers.tokenizer import load_tokenizer
from workers.writer import Task, Writer

NUM_READY = 4096  # requests made beforehand, so that writing prompts takes nothing from the engine


class Asked(Exception):
    """What a worker would have asked of its engine."""


class Recorder:
    def generate(self, request, timeout=0.0):
        raise Asked(request)


def requests(settings, limits, texts):
    """For each text, as the first thing that somebody says."""
    chosen = choose(settings)
    tokenizer = load_tokenizer(chosen.engine, chosen.model)
    writer = Writer(Recorder(), lambda: tokenizer, lambda: limits, settings)
    persona, who = Personas().get(settings.persona), Conversation("bench", "1", "1", "0", "1")
    for number, text in enumerate(texts):
        line = Line(text, "1", "1", "Ann", time.time())
        task = Task(f"t{number}", who, 1, (line,), (), 0, persona, settings.thinking, "en")
        try:
            writer.write(task, Watch(60), lambda draft: None)
        except Asked as asked:
            yield asked.args[0]


def measure(settings, texts, num_at_once, warm, seconds):
    """Replies and tokens a second."""
    with EngineProcess(choose(settings)) as engine:
        asked = requests(settings, engine.wait_ready(900), texts)
        ready, taking, stopping = deque(next(asked) for _ in range(NUM_READY)), threading.Lock(), threading.Event()
        lengths = []

        def take():
            with taking:
                return ready.popleft() if ready else next(asked)

        def ask():
            while not stopping.is_set():
                with engine.generate(take()) as generation:
                    lengths.append(sum(len(ids) for ids in generation))

        threads = [threading.Thread(target=ask) for _ in range(num_at_once)]
        for thread in threads:
            thread.start()
        time.sleep(warm)
        num_before = len(lengths)
        time.sleep(seconds)
        counted = lengths[num_before:]
        stopping.set()
        for thread in threads:
            thread.join()
    return round(len(counted) / seconds, 1), round(sum(counted) / seconds)
