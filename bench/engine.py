"""Tokens a second of the engines, side by side: N requests at once, prompts of 300-900 tokens (200 shared), 256 new ones.

    python bench/engine.py                                      every engine that is here, small random model
    python bench/engine.py --shape bundled --requests 1 8       the model in the box
    python bench/engine.py --shape r1-1.5b --requests 1 32 256  the published shape, 3.6 GB in a temporary folder
    python bench/engine.py --gguf Q4_K_M                        llama.cpp has weights of so many bits, others as they are
    python bench/engine.py --rate 2 --requests 100              100 arrive by chance, 2 a second, 100-1,024 tokens each way

Speed does not depend on what the weights say. Every figure is the median of `--repeats`; the first run is thrown away. On a CPU
the engines take turns, so that what else runs there is in all figures alike; on a GPU each has the memory for itself.
The floor is what bytes and operations take at least on this device, as measured at the start (`floors.py`).
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import floors
import gguf_files
import torch

from workers.checkpoints.families import Shape
from workers.engines import ENGINES
from workers.engines.base import EngineOptions, Request, Sampling
from workers.engines.process import EngineProcess
from workers.models import BUNDLED

SHAPES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 8192},
    "r1-1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
                "num_key_value_heads": 2, "vocab_size": 151936},
    "r1-7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
              "num_key_value_heads": 4, "vocab_size": 152064},
    "r1-8b": {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
              "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256},
}  # fmt: skip
NEEDS = {"paged": "torch", "transformers": "transformers", "vllm": "vllm", "llamacpp": "llama_cpp"}
HERE = [name for name, package in NEEDS.items() if name in ENGINES and find_spec(package)]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NUM_SHARED = 200


def make_model(folder, shape):
    """The folder of a checkpoint of this shape, and the numbers of its config.json."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    if shape != "bundled":
        torch.manual_seed(0)
        torch.set_default_dtype(torch.bfloat16)
        is_llama = SHAPES[shape].get("model_type") == "llama"
        config_class, model_class = (LlamaConfig, LlamaForCausalLM) if is_llama else (Qwen2Config, Qwen2ForCausalLM)
        config = config_class(**SHAPES[shape], max_position_embeddings=32_768, tie_word_embeddings=False)
        with torch.device(DEVICE):
            model_class(config).save_pretrained(folder)
        for file in ("tokenizer.json", "tokenizer_config.json"):  # without one it is no whole model
            shutil.copy(BUNDLED / file, folder)
        torch.set_default_dtype(torch.float32)
    else:
        folder = BUNDLED
    return folder, json.loads((Path(folder) / "config.json").read_text())


def make_gguf(folder, place, kind):
    """The same weights for llama.cpp, with the tokenizer beside them; as 16 bits, or these made smaller."""
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(BUNDLED / file, place)
    whole = gguf_files.convert(Path(folder), place / "model.gguf", kind if kind in gguf_files.TYPES else "F16")
    if kind in gguf_files.TYPES:
        return whole
    made = gguf_files.quantize(whole, place / f"model-{kind}.gguf", kind)
    whole.unlink()
    return made


def make_requests(num, num_ids, num_new, seed):
    # Of its own for each number of requests: what an engine has kept of a smaller one is no help.
    dice = random.Random(f"{num}/{seed}")
    shared = [dice.randrange(num_ids // 8, num_ids) for _ in range(NUM_SHARED)]
    for number in range(num):
        own = [dice.randrange(num_ids // 8, num_ids) for _ in range(dice.randint(100, 700))]
        yield Request(f"{num}-{seed}-{number}", tuple(shared + own), num_new, sampling=Sampling(0.6, 0.95, seed=number))


def make_arrivals(rate, num, num_ids, seed):
    """(seconds after the start, request), as a Poisson process has them."""
    dice = random.Random(seed)
    at = 0.0
    for number in range(num):
        at += dice.expovariate(rate)
        prompt = tuple(dice.randrange(num_ids // 8, num_ids) for _ in range(dice.randint(100, 1024)))
        yield at, Request(f"{seed}-{number}", prompt, dice.randint(100, 1024), sampling=Sampling(0.6, 0.95, seed=number))


def run(engine, arrivals):
    """Seconds for all, the seconds to each first token, and those between a request's further ones."""
    firsts, gaps, started_at = [], [], time.perf_counter()

    def read(at, request):
        time.sleep(max(0.0, started_at + at - time.perf_counter()))
        asked_at = last = time.perf_counter()
        generation = engine.generate(request)
        for number, ids in enumerate(generation):
            now = time.perf_counter()
            (gaps if number else firsts).append((now - last) / len(ids) if number else now - asked_at)
            last = now
        assert generation.ended.reason == "length", generation.ended

    threads = [threading.Thread(target=read, args=arrival) for arrival in arrivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started_at, firsts, gaps


def summary(runs, num_new):
    """Medians over the runs."""
    seconds, firsts, gaps = zip(*runs, strict=True)
    middle = statistics.median
    return {
        "tokens_per_second": round(middle(num_new / each for each in seconds), 1),
        "first_token_ms": round(1000 * middle(middle(each) for each in firsts), 1),
        "p95_gap_ms": round(1000 * middle(statistics.quantiles(each, n=20)[-1] for each in gaps), 1),
    }


def start(names, models, options, stack):
    """{name: (engine, seconds until it was ready)}"""
    engines = {}
    for name in names:
        started_at = time.perf_counter()
        how = {"device": DEVICE, "weights": options.weights, "context": options.context, "requests": max(options.requests)}
        wanted = EngineOptions(name, str(models[name]), **how)
        engine = stack.enter_context(EngineProcess(wanted))
        engine.wait_ready(900)
        engines[name] = engine, round(time.perf_counter() - started_at, 1)
    return engines


def measure(names, models, num_ids, options):
    """Rows of one group of engines that are loaded at the same time."""
    with ExitStack() as stack:
        engines = start(names, models, options, stack)
        for num in options.requests:
            runs = {name: [] for name in names}
            for seed in range(options.repeats + 1):
                if options.rate:
                    arrivals = list(make_arrivals(options.rate, num, num_ids, seed))
                else:
                    arrivals = [(0.0, request) for request in make_requests(num, num_ids, options.tokens, seed)]
                for name, (engine, _) in engines.items():
                    runs[name].append((run(engine, arrivals), sum(request.max_tokens for _, request in arrivals)))
            for name, (_, ready) in engines.items():
                rest = runs[name][1:]
                figures = summary([each for each, _ in rest], statistics.median(num_new for _, num_new in rest))
                yield {"engine": name, "requests": num, "ready_s": ready, **figures}


def floor(shape, num, num_ids, options, speeds):
    prompts = [len(request.prompt) for request in make_requests(num, num_ids, options.tokens, 1)]
    return num * options.tokens / floors.seconds(shape, num, prompts, options.tokens, *speeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=HERE, choices=HERE)
    parser.add_argument("--shape", default="tiny", choices=[*SHAPES, "bundled"])
    parser.add_argument("--requests", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--tokens", type=int, default=256, help="new tokens of each request")
    parser.add_argument("--gguf", default="F16", metavar="KIND", help="F32, F16, BF16, or what llama.cpp can make, as Q4_K_M")
    parser.add_argument(
        "--weights", default="whole", choices=["whole", "fp8"], help="fp8: of paged alone, on GPUs; the floor stays"
    )
    parser.add_argument("--rate", type=float, help="arrivals a second; --requests is then how many arrive")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place:
        folder, config = make_model(folder, options.shape)
        models = dict.fromkeys(options.engines, folder)
        if "llamacpp" in options.engines:
            models["llamacpp"] = make_gguf(folder, Path(place), options.gguf)
        dtype = torch.bfloat16 if DEVICE == "cuda" else torch.float32
        speeds = (dtype.itemsize, *floors.measure(DEVICE, dtype))
        shape = Shape.of_config({"model_type": "qwen2", **config})
        print(f"{options.shape} on {DEVICE}: {speeds[1] / 1e9:,.1f} GB/s, {speeds[2] / 1e12:,.2f} TFLOPS", flush=True)
        rows = []
        for names in [options.engines] if DEVICE == "cpu" else [[name] for name in options.engines]:
            for row in measure(names, models, config["vocab_size"], options):
                if not options.rate:
                    row["floor"] = round(floor(shape, row["requests"], config["vocab_size"], options, speeds), 1)
                rows.append(row)
                print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"arguments": sys.argv[1:], "device": DEVICE, "speeds": speeds, "rows": rows}))


if __name__ == "__main__":
    main()
