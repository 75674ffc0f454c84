"""How long somebody who comes back waits for the first token, beside somebody new whose prompt is as short as what is new.

    python bench/returning.py                                        the model in the box, 1,024 tokens known
    python bench/returning.py --shape r1-1.5b --known 3904 30016     the published shape, random weights

Through the engine's process, as a worker asks it, one person at a time on an otherwise idle engine. Everything is asked in
turns, so that what else runs on the machine is in all figures alike; each is the median of `--repeats`, the first is thrown
away. Two tokens are asked for: what is done at the end of a reply is nobody's waiting. Before each is a moment of rest: reading
ahead is over for its worker once the device was told to, and people write their next message seconds later, not at once.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from itertools import count
from pathlib import Path

import engine as bench

from workers.engines.base import EngineOptions, Request, Sampling
from workers.engines.process import EngineProcess

NUMBERS = count()
REST_SECONDS = 0.02


def draw(dice, num, num_ids):
    return tuple(dice.randrange(num_ids // 8, num_ids) for _ in range(num))


def wait(engine, prompt):
    """Milliseconds until the first token."""
    asked_at = time.perf_counter()
    with engine.generate(Request(str(next(NUMBERS)), prompt, 2, sampling=Sampling(0.0))) as generation:
        generation.read()
        seconds = time.perf_counter() - asked_at
        while generation.read():
            pass
    return 1000 * seconds


def read_ahead(engine, history):
    """As a worker has it done between two messages."""
    with engine.generate(Request(str(next(NUMBERS)), history, 0)) as generation:
        while generation.read():
            pass


def measure(engine, num_ids, options):
    """A row for each number of new tokens: {known tokens: milliseconds}, 0 for somebody new."""
    dice = random.Random(0)
    histories = {num: draw(dice, num, num_ids) for num in (0, *options.known)}
    times = {(num, new): [] for new in options.new for num in histories}
    for _ in range(options.repeats + 1):
        for (num, new), seen in times.items():
            if num:
                read_ahead(engine, histories[num])
            time.sleep(REST_SECONDS)
            seen.append(wait(engine, histories[num] + draw(dice, new, num_ids)))
    middle = {case: statistics.median(seen[1:]) for case, seen in times.items()}
    return [{"new": new, **{num: round(middle[num, new], 2) for num in histories}} for new in options.new]


def told(row):
    fresh = row[0]
    others = [f"{num} known {ms} ms ({100 * (ms / fresh - 1):+.0f} %)" for num, ms in row.items() if num not in ("new", 0)]
    return f"{row['new']} new: alone {fresh} ms, " + ", ".join(others)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="bundled", choices=[*bench.SHAPES, "bundled"])
    parser.add_argument("--engine", default="paged", choices=bench.NEEDS)
    parser.add_argument("--known", type=int, nargs="+", default=[1024], help="tokens that were read before")
    parser.add_argument("--new", type=int, nargs="+", default=[60, 124], help="tokens of the new message")
    parser.add_argument("--repeats", type=int, default=24)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder, config = bench.make_model(folder, options.shape)
        with EngineProcess(EngineOptions(options.engine, str(folder), device=bench.DEVICE)) as engine:
            engine.wait_ready(900)
            rows = measure(engine, config["vocab_size"], options)
    for row in rows:
        print(told(row))
    if options.json:
        options.json.write_text(json.dumps({"shape": options.shape, "device": bench.DEVICE, "rows": rows}))


if __name__ == "__main__":
    main()
