"""Tokens a second of an engine: N requests at once, prompts of 300-900 tokens of which 200 are shared, 256 new tokens each.

    python bench/engine.py                      small random model, whatever device there is
    python bench/engine.py --shape r1-1.5b      the published shape with random weights (3.6 GB in a temporary folder)

Speed does not depend on what the weights say. Every figure is the median of `--repeats`; the first run is thrown away.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from workers.engines.base import EngineOptions, Request, Sampling
from workers.engines.process import EngineProcess

SHAPES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 8192},
    "r1-1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
                "num_key_value_heads": 2, "vocab_size": 151936},
    "r1-7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
              "num_key_value_heads": 4, "vocab_size": 152064},
}  # fmt: skip
NUM_SHARED, NUM_NEW = 200, 256


def make_model(folder, shape):
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    config = Qwen2Config(**SHAPES[shape], max_position_embeddings=32_768, tie_word_embeddings=False)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        Qwen2ForCausalLM(config).save_pretrained(folder)


def make_requests(num, num_ids, seed):
    dice = random.Random(seed)
    shared = [dice.randrange(1000, num_ids) for _ in range(NUM_SHARED)]
    for number in range(num):
        own = [dice.randrange(1000, num_ids) for _ in range(dice.randint(100, 700))]
        yield Request(f"{seed}-{number}", tuple(shared + own), NUM_NEW, sampling=Sampling(0.6, 0.95, seed=number))


def run(engine, requests):
    """Seconds for all, and the seconds to the first token of each."""
    firsts, started_at = [], time.perf_counter()

    def read(request):
        generation = engine.generate(request)
        first = None
        for _ in generation:
            first = first or time.perf_counter() - started_at
        assert generation.ended.reason == "length", generation.ended
        firsts.append(first)

    threads = [threading.Thread(target=read, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started_at, firsts


def measure(engine, num, num_ids, repeats):
    runs = [run(engine, list(make_requests(num, num_ids, seed))) for seed in range(repeats + 1)][1:]
    rate = statistics.median(num * NUM_NEW / seconds for seconds, _ in runs)
    first = statistics.median(statistics.median(firsts) for _, firsts in runs)
    return {"requests": num, "tokens_per_second": round(rate, 1), "first_token_ms": round(first * 1000, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="transformers")
    parser.add_argument("--shape", default="tiny", choices=SHAPES)
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_model(folder, options.shape)
        started_at = time.perf_counter()
        wanted = EngineOptions(engine=options.engine, model=folder, context=4096, requests=max(options.requests))
        with EngineProcess(wanted, lambda stage, detail: print(stage, flush=True)) as engine:
            engine.wait_ready(600)
            ready = round(time.perf_counter() - started_at, 1)
            print(f"{options.engine}, {options.shape}: ready after {ready} s", flush=True)
            rows = []
            for num in options.requests:
                rows.append(measure(engine, num, SHAPES[options.shape]["vocab_size"], options.repeats))
                print(rows[-1], flush=True)
    if options.json:
        options.json.write_text(json.dumps({"engine": options.engine, "shape": options.shape, "ready_s": ready, "rows": rows}))


if __name__ == "__main__":
    main()
