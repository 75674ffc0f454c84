"""How quickly the service answers many people: inbox, Celery, workers, engine and outbox, all real.

    python bench/service.py                              closed loop: everybody writes again as soon as they are answered
    python bench/service.py --rate 50                    open loop: so many messages a second, whatever is answered
    python bench/service.py --text '#slow hi' --slots 4 --workers 1 2 4      how throughput grows with workers
    python bench/service.py --waiting 100000             a new person's answer behind so many waiting messages
    python bench/service.py --people 256 --slots 256 --tokens 256 --shape r1-1.5b --tokenizer FOLDER --warm 15 --seconds 20
                                                         as bench/engine.py: prompts of 300-900 tokens, random weights
    python bench/service.py --people 256 --slots 256 --tokens 256 --fake 150 --tokenizer FOLDER
                                                         an engine that plays a text back, 150 tokens a second for each

The engine is the scripted echo engine unless --engine names another. Prints a table (milliseconds from writing to the first
text and to the final; replies and tokens a second; the same of the engine alone in the same run; cores that the workers'
processes kept busy, their engines, Redis and the simulated people, and the workers' milliseconds for a reply; how much of the
prompts was in a cache, and who came back to the worker that had read them), and JSON. Redis is the embedded
one, fsync on every write.
"""

import argparse
import json
import os
import queue
import random
import shutil
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from people import People, talk
from running import cores, num_processes, running, told

from bot.core.settings import load
from bot.run import Front, open_redis

ROOT = Path(__file__).parents[1]
COLUMNS = (
    ("workers", "workers"), ("processes", "processes"), ("people", "people"), ("rate", "rate"),
    ("replies/s", "replies_per_second"), ("engine alone/s", "engine_alone_per_second"),
    ("tokens/s", "tokens_per_second"), ("engine alone", "engine_alone_tokens"), ("share of it", "share_of_alone"),
    ("worker cores", "worker_cores"), ("ms a reply", "worker_ms_per_reply"), ("engine cores", "engine_cores"),
    ("Redis cores", "redis_cores"), ("people cores", "people_cores"),
    ("known", "share_of_prompts_known"), ("came back", "share_come_back"),
)  # fmt: skip
WORDS = (ROOT / "README.md").read_text().split()
NUM_SAMPLED = 200
NUM_CLOSING = 14  # tokens that close a thought


def texts_of(options):
    """What people say: the text that was asked for, or, for replies of so many tokens, some 100 to 700 words by chance."""
    dice = random.Random(1)
    while True:
        yield " ".join(dice.choices(WORDS, k=dice.randint(60, 420))) if options.tokens else options.text


def closed_loop(people, num, seconds, is_new=False):
    """Everybody writes again when answered; or somebody else does, who has said nothing before."""
    for number in range(num):
        people.write(talk(number))
    end, newest = time.perf_counter() + seconds, num
    while time.perf_counter() < end:
        with suppress(queue.Empty):
            who = people.answered.get(timeout=max(0.0, end - time.perf_counter()))
            people.write(talk(newest) if is_new else who)
            newest += 1


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
    with running(options, front, url, num_workers) as workers:
        people = People(front, texts_of(options))
        marks = []

        def mark():
            marks.append((time.perf_counter(), len(people.first), len(people.final), cores(front, workers), *told(workers)))

        timer = threading.Timer(options.warm, mark)
        timer.start()
        if options.rate:
            open_loop(people, options.people, options.warm + options.seconds, options.rate)
        else:
            closed_loop(people, options.people, options.warm + options.seconds, bool(options.tokens))
        mark()
        (began_at, num_first, num_final, used, *busy), (ended_at, last_first, last_final, used_now, *busy_now) = marks
        elapsed, whose = ended_at - began_at, people.whose[num_final:last_final]
        kept_busy = [round((now - before) / elapsed, 2) for before, now in zip(used, used_now, strict=True)]
        processes = num_processes(workers)
    return {
        "workers": num_workers, "processes": processes, "people": options.people, "rate": options.rate,
        "replies_per_second": round(len(whose) / elapsed, 1),
        "tokens_per_second": round(len(whose) / elapsed * mean_tokens(front, whose)),
        **dict(zip(("worker_cores", "engine_cores", "redis_cores", "people_cores"), kept_busy, strict=True)),
        "worker_ms_per_reply": round(1000 * (used_now[0] - used[0]) / len(whose), 1) if whose else None,
        "share_of_prompts_known": share(*(now - before for before, now in zip(busy[:2], busy_now[:2], strict=True))),
        "share_come_back": share(*(now - before for before, now in zip(busy[2:], busy_now[2:], strict=True))),
        "first_text_ms": percentiles(people.first[num_first:last_first]),
        "final_ms": percentiles(people.final[num_final:last_final]),
    }  # fmt: skip


def mean_tokens(front, whose):
    """Of the last replies of some of them."""
    some = {str(who): who for who in whose}.values()
    lengths = [
        turn.num_reply_tokens
        for who in random.sample(list(some), min(len(some), NUM_SAMPLED))
        if (turn := front.memory.last(who))
    ]
    return statistics.mean(lengths) if lengths else 0


def share(one, other):
    return round(one / (one + other), 3) if one + other else None


def measure_waiting(options, front, url):
    """Messages of a thousand people in many chats wait when the workers start; then somebody new writes."""
    people = People(front, texts_of(options))
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


def engine_alone(options, settings, tokens):
    """What the engine process does alone on what the service is asked, and the service's `tokens` beside it."""
    import alone

    at_once = min(options.people, settings.slots)
    replies_alone, tokens_alone = alone.measure(settings, texts_of(options), at_once, options.warm, options.seconds)
    share = round(tokens / tokens_alone, 3) if tokens_alone else 0
    return {"engine_alone_per_second": replies_alone, "engine_alone_tokens": tokens_alone, "share_of_alone": share}


def adapt(options, folder):
    """The settings for what was asked for: a model made on the spot, replies of so many tokens."""
    chosen = {"engine": options.engine, "model": options.model, "slots": options.slots}
    chosen |= {"worker_processes": options.processes} if options.processes else {}
    if options.shape:
        from engine import make_model

        model, _ = make_model(folder, options.shape)
        for file in Path(options.tokenizer).glob("tokenizer*.json"):
            shutil.copy(file, model)
        chosen |= {"engine": "paged", "model": str(model)}
    elif options.fake:
        import fake

        os.environ[fake.SPEED] = str(options.fake)
        fake.begin()
        chosen |= {"engine": "paged", "model": options.tokenizer}
    if options.tokens:
        chosen |= {
            "thinking": "hide",
            "thought_tokens": options.tokens // 2,
            "answer_tokens": options.tokens // 2 - NUM_CLOSING,
        }
    return chosen


def percentiles(seconds):
    marks = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [0.0] * 99
    return {f"p{part}": round(1000 * marks[part - 1], 1) for part in (50, 95, 99)}


def show(value):
    return "–" if value is None else value


def table(rows):
    cells = [
        [*(show(row[name]) for _, name in COLUMNS), *row["first_text_ms"].values(), *row["final_ms"].values()] for row in rows
    ]
    heads = [*(head for head, _ in COLUMNS), "first p50", "p95", "p99", "final p50", "p95", "p99"]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [heads, ["---"] * len(heads), *cells])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--processes", type=int, help="of each worker; unset is what the program chooses")
    parser.add_argument("--waiting", type=int, help="messages that wait when the worker starts")
    parser.add_argument("--engine", default="echo")
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--text", default="hello there")
    parser.add_argument(
        "--tokens", type=int, help="length of each reply, half of it thought; everybody writes once, of 60 to 420 words"
    )
    parser.add_argument("--shape", help="a model of random weights, as bench/engine.py makes it")
    parser.add_argument(
        "--fake", type=float, metavar="SPEED", help="an engine that plays a text back; tokens a second of each reply"
    )
    parser.add_argument("--tokenizer", help="folder of the tokenizer for these two")
    parser.add_argument("--warm", type=float, default=2, help="seconds before what is counted")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for num_workers in options.workers:
        with tempfile.TemporaryDirectory() as folder:
            options.chosen = adapt(options, Path(folder) / "model")
            settings = load(data_dir=Path(folder), **options.chosen)
            with open_redis(settings) as url:
                front = Front(settings, url)
                front.vault.check()
                if options.waiting:
                    rows.append(measure_waiting(options, front, url))
                    print(rows[-1])
                else:
                    rows.append(measure(options, front, url, num_workers))
                    rows[-1] |= engine_alone(options, settings, rows[-1]["tokens_per_second"])
    if not options.waiting:
        print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
