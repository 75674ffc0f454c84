"""How quickly the service answers many people: inbox, Celery, worker, engine and outbox, all real, the engine scripted.

    python bench/service.py --people 200 --rate 50      open loop: messages arrive at that rate, whatever is answered
    python bench/service.py --people 200                closed loop: everybody writes again as soon as they are answered

Prints replies a second and the milliseconds to the final at p50, p95 and p99. Redis is the embedded one, fsync on every write.
"""

import argparse
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bot.core.messages import Conversation, Incoming, Line
from bot.core.settings import load
from bot.run import Front, open_redis

ROOT = Path(__file__).parents[1]
SURFACE = "bench:1"


def person(number):
    return Conversation("bench", "1", str(number), "0", str(number))


class People:
    """Write lines and hear finals, each on threads of its own, as an adapter would."""

    def __init__(self, front, text):
        self.front, self.text = front, text
        self.outbox = front.outbox(SURFACE)
        self.outbox.open()
        front.store.add_surface(SURFACE)
        self.written_at, self.seconds = {}, []
        self.answered = queue.SimpleQueue()
        self.jobs = queue.SimpleQueue()
        self.ids = iter(range(10**9))
        threading.Thread(target=self._hear, daemon=True).start()
        for _ in range(8):
            threading.Thread(target=self._write_all, daemon=True).start()

    def write(self, who):
        self.written_at[str(who)] = time.perf_counter()
        self.jobs.put(who)

    def _write_all(self):
        while True:
            who = self.jobs.get()
            id = f"{os.getpid()}-{next(self.ids)}"
            self.front.inbox.accept(Incoming(who, Line(self.text, id, id, "Ann", time.time())))
            self.front.wakeups.send(who)

    def _hear(self):
        while True:
            for entry in self.outbox.fresh(200):
                self.seconds.append(time.perf_counter() - self.written_at[str(entry.conversation)])
                self.outbox.end(entry, [])
                self.answered.put(entry.conversation)


def closed_loop(people, num, seconds):
    """Everybody writes again when answered."""
    for number in range(num):
        people.write(person(number))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        people.write(people.answered.get())


def open_loop(people, num, seconds, rate):
    """Messages come at random moments, `rate` a second, from people who are not waiting for an answer."""
    idle = [person(number) for number in range(num)]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        time.sleep(random.expovariate(rate))
        while not people.answered.empty():
            idle.append(people.answered.get())
        if idle:
            people.write(idle.pop(random.randrange(len(idle))))


def percentile(values, part):
    return round(1000 * sorted(values)[min(len(values) - 1, int(len(values) * part))], 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--text", default="hello there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder), engine="echo", slots=64)
        with open_redis(settings) as url:
            row = run(options, Front(settings, url), url)
    print(row)
    if options.json:
        options.json.write_text(json.dumps(row))


def run(options, front, url):
    front.vault.check()
    environment = os.environ | {
        "COMPANION_REDIS_URL": url, "COMPANION_DATA_DIR": str(front.settings.data_dir), "COMPANION_ENGINE": "echo",
        "COMPANION_SLOTS": "64", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "workers", "run", "--grace", "0"]
    workers = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(options.workers)]
    try:
        while sum(worker.stage == "ready" for worker in front.presence.workers()) < options.workers:
            time.sleep(0.05)
        people = People(front, options.text)
        closed_loop(people, min(options.people, 8), 1)
        time.sleep(1)
        people.seconds.clear()
        started_at = time.perf_counter()
        if options.rate:
            open_loop(people, options.people, options.seconds, options.rate)
        else:
            closed_loop(people, options.people, options.seconds)
        seconds, elapsed = list(people.seconds), time.perf_counter() - started_at
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return {
        "people": options.people, "rate": options.rate, "workers": options.workers,
        "replies_per_second": round(len(seconds) / elapsed, 1),
        "final_ms": {name: percentile(seconds, part) for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))},
    }  # fmt: skip


if __name__ == "__main__":
    main()
