"""How quickly the service answers many people: inbox, Celery, workers, engine and outbox, all real.

    python bench/service.py                              closed loop: everybody writes again as soon as they are answered
    python bench/service.py --rate 50                    open loop: so many messages a second, whatever is answered
    python bench/service.py --text '#slow hi' --slots 4 --workers 1 2 4      how throughput grows with workers
    python bench/service.py --waiting 100000             a new person's answer behind so many waiting messages

The engine is the scripted echo engine unless --engine names another. Prints a table (milliseconds from writing to the first
text and to the final; replies a second; the engine alone in the same run) and writes JSON. Redis is the embedded one, fsync
on every write.
"""

import argparse
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from redis.exceptions import RedisError

from bot.core.messages import Conversation, Draft, Incoming, Line
from bot.core.settings import load
from bot.run import Front, open_redis

ROOT = Path(__file__).parents[1]
SURFACE = "bench:1"
COLUMNS = ("workers", "people", "rate", "replies/s", "engine alone/s", "first p50", "p95", "p99", "final p50", "p95", "p99")


def talk(person, chat=None):
    return Conversation("bench", "1", str(person if chat is None else chat), "0", str(person))


class People:
    """Write lines and hear drafts and finals, each on threads of their own, as an adapter would."""

    def __init__(self, front, text):
        self.front, self.text = front, text
        self.outbox = front.outbox(SURFACE)
        self.outbox.open()
        front.store.add_surface(SURFACE)
        self.written_at, self.heard, self.first, self.final = {}, set(), [], []
        self.answered, self.jobs, self.ids = queue.SimpleQueue(), queue.SimpleQueue(), iter(range(10**9))
        for run in (self._hear_finals, self._hear_drafts, *[self._write_all] * 8):
            threading.Thread(target=self._until_redis_ends, args=(run,), daemon=True).start()

    def _until_redis_ends(self, run):
        with suppress(RedisError):
            run()

    def write(self, who):
        self.written_at[who] = time.perf_counter()
        self.jobs.put(who)

    def _write_all(self):
        while True:
            who = self.jobs.get()
            if self.keep(who) == "accepted":
                self.front.wakeups.send(who)

    def keep(self, who):
        id = f"{os.getpid()}-{next(self.ids)}"
        return self.front.inbox.accept(Incoming(who, Line(self.text, id, id, "Ann", time.time())))

    def _hear_drafts(self):
        for found in self.outbox.drafts(0.2):
            if found and isinstance(found[1], Draft) and found[1].answer + found[1].thought:
                self._hear_first(found[0])

    def _hear_first(self, who):
        if who in self.written_at and who not in self.heard:
            self.heard.add(who)
            self.first.append(time.perf_counter() - self.written_at[who])

    def _hear_finals(self):
        while True:
            for entry in self.outbox.fresh(200):
                who = entry.conversation
                self._hear_first(who)
                self.heard.discard(who)
                if who in self.written_at:
                    self.final.append(time.perf_counter() - self.written_at[who])
                self.outbox.end(entry, [])
                self.answered.put(who)


def closed_loop(people, num, seconds):
    """Everybody writes again when answered."""
    for number in range(num):
        people.write(talk(number))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        people.write(people.answered.get())


def open_loop(people, num, seconds, rate):
    """Messages come at random moments, `rate` a second, from people who are not waiting for an answer."""
    idle = [talk(number) for number in range(num)]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        time.sleep(random.expovariate(rate))
        while not people.answered.empty():
            idle.append(people.answered.get())
        if idle:
            people.write(idle.pop(random.randrange(len(idle))))


def measure(options, front, url, num_workers):
    """One row of the table."""
    with running(options, front, url, num_workers):
        people = People(front, options.text)
        closed_loop(people, min(options.people, 8), 1)
        time.sleep(1)
        people.first.clear(), people.final.clear()
        began_at = time.perf_counter()
        if options.rate:
            open_loop(people, options.people, options.seconds, options.rate)
        else:
            closed_loop(people, options.people, options.seconds)
        first, final, elapsed = list(people.first), list(people.final), time.perf_counter() - began_at
    return {
        "workers": num_workers, "people": options.people, "rate": options.rate,
        "replies_per_second": round(len(final) / elapsed, 1),
        "first_text_ms": percentiles(first), "final_ms": percentiles(final),
    }  # fmt: skip


def measure_waiting(options, front, url):
    """Messages of a thousand people in many chats wait when the workers start; then somebody new writes."""
    people = People(front, options.text)
    before, chats = front.store.redis.info("memory")["used_memory"], options.waiting // 1000
    crowd = [talk(person, chat) for chat in range(chats) for person in range(1000)]
    spread = [threading.Thread(target=lambda part: [fill(people, who) for who in part], args=(crowd[i::8],)) for i in range(8)]
    for thread in spread:
        thread.start()
    for thread in spread:
        thread.join()
    each = (front.store.redis.info("memory")["used_memory"] - before) / len(crowd) - len(options.text)
    with running(options, front, url, 1):
        time.sleep(2)
        new = talk("new")
        people.write(new)
        while people.answered.get() != new:
            pass
        seconds, share = time.perf_counter() - people.written_at[new], 1000 / rate_of(people)
    return {
        "waiting": len(crowd), "people": 1000, "redis_bytes_each_beyond_text": round(each),
        "new_person_seconds": round(seconds, 2), "share_seconds": round(share, 2),
    }  # fmt: skip


def fill(people, who):
    if people.keep(who) == "accepted":
        people.front.wakeups.send(who)
    people.written_at[who] = time.perf_counter()


def rate_of(people):
    """Replies a second over the last two seconds."""
    before = len(people.final)
    time.sleep(2)
    return max(0.5, (len(people.final) - before) / 2)


def engine_alone(options, settings):
    """The same prompt through the engine process with nothing around it, as many at once as the service would."""
    from workers.engines.base import Request, Sampling
    from workers.engines.process import EngineProcess
    from workers.models import choose
    from workers.tokenizer import Message, load_tokenizer

    chosen = choose(settings)
    tokenizer = load_tokenizer(chosen.engine, chosen.model)
    ids = tokenizer.render((Message("user", options.text),))
    done, stopping = [], threading.Event()

    def ask(number):
        while not stopping.is_set():
            request = Request(f"r{number}-{len(done)}", ids, 512, tokenizer.stop_ids, Sampling(0.6, 0.95))
            with engine.generate(request) as generation:
                for _ in generation:
                    pass
            done.append(1)

    with EngineProcess(chosen) as engine:
        engine.wait_ready(600)
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(min(options.people, settings.slots))]
        for thread in threads:
            thread.start()
        time.sleep(1)
        before = len(done)
        time.sleep(options.seconds)
        rate = (len(done) - before) / options.seconds
        stopping.set()
        for thread in threads:
            thread.join()
    return round(rate, 1)


@contextmanager
def running(options, front, url, num_workers):
    environment = os.environ | {
        "COMPANION_REDIS_URL": url, "COMPANION_DATA_DIR": str(front.settings.data_dir), "COMPANION_ENGINE": options.engine,
        "COMPANION_MODEL": options.model, "COMPANION_SLOTS": str(options.slots), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "workers", "run", "--grace", "0"]
    workers = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(num_workers)]
    try:
        while sum(worker.stage == "ready" for worker in front.presence.workers()) < num_workers:
            time.sleep(0.05)
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def percentiles(seconds):
    marks = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [0.0] * 99
    return {f"p{part}": round(1000 * marks[part - 1], 1) for part in (50, 95, 99)}


def table(rows):
    cells = [
        [row["workers"], row["people"], row["rate"] or "–", row["replies_per_second"], row["engine_alone_per_second"],
         *row["first_text_ms"].values(), *row["final_ms"].values()]
        for row in rows
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [COLUMNS, ["---"] * len(COLUMNS), *cells])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--waiting", type=int, help="messages that wait when the worker starts")
    parser.add_argument("--engine", default="echo")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--text", default="hello there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for num_workers in options.workers:
        with tempfile.TemporaryDirectory() as folder:
            settings = load(data_dir=Path(folder), engine=options.engine, model=options.model, slots=options.slots)
            with open_redis(settings) as url:
                front = Front(settings, url)
                front.vault.check()
                if options.waiting:
                    rows.append(measure_waiting(options, front, url))
                    print(rows[-1])
                else:
                    rows.append(measure(options, front, url, num_workers))
                    rows[-1]["engine_alone_per_second"] = engine_alone(options, settings)
    if not options.waiting:
        print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
