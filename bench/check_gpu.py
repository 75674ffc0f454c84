"""Everything about flash attention that only a GPU can tell, most important first: python bench/check_gpu.py (~90 s)

Each part runs in a process of its own, so that one that breaks the device does not break the rest.
"""

import shutil, subprocess, sys, tempfile, threading, time, traceback
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, ".")
T0 = time.time()


def say(*args):
    print(f"[{time.time() - T0:5.1f}]", *args, flush=True)


def guarded(function, *args):
    try:
        return function(*args)
    except Exception:
        say("FAILED", function.__name__, args)
        traceback.print_exc(limit=-6)
        sys.stderr.flush()


def seconds(function, num=20):
    import torch

    for _ in range(3):
        function()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(num):
        graph.replay()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / num


# --- kernels -----------------------------------------------------------------------------------------------------------
def exact(q, k, v, scale):
    import torch

    group = q.shape[1] // k.shape[1]
    k, v = (x.float().repeat_interleave(group, 1) for x in (k, v))
    s = torch.einsum("qhd,khd->hqk", q.float(), k) * scale
    s = s.masked_fill(torch.ones(s.shape[1:], dtype=torch.bool, device=q.device).triu(len(k) - len(q) + 1), float("-inf"))
    return torch.einsum("hqk,khd->qhd", s.softmax(-1), v)


def op(name, heads, kv, width, dtype, sequences, window=(-1, -1)):
    import torch
    from workers.engines.transformers.flash import varlen

    ends = [torch.tensor([0, *[s[i] for s in sequences]], device="cuda").cumsum(0).int() for i in (0, 1)]
    pad = 64 if max(s[0] for s in sequences) > 1 else 0
    q = torch.randn(int(ends[0][-1]) + pad, heads, width, device="cuda", dtype=dtype)
    k, v = (torch.randn(int(ends[1][-1]), kv, width, device="cuda", dtype=dtype) for _ in "kv")
    call = lambda: varlen(
        q, k, v, *ends, max(s[0] for s in sequences), max(s[1] for s in sequences), softmax_scale=width**-0.5, causal=True
    )
    out = call()
    worst = 0.0
    for (q0, q1), (k0, k1) in zip(pairwise(ends[0].tolist()), pairwise(ends[1].tolist())):
        worst = max(worst, (out[q0:q1].float() - exact(q[q0:q1], k[k0:k1], v[k0:k1], width**-0.5)).abs().max().item())
    say(f"op {name}: max error {worst:.4f} {'ok' if worst < 0.03 else 'WRONG'}, in a graph {seconds(call) * 1e6:.0f} us")


def paged(name, heads, kv, width, dtype, lengths, max_blocks=128, page=256, check=True):
    import torch
    from workers.engines.transformers.paged import attend

    n = len(lengths)
    pages = sum(x // page + 1 for x in lengths if x >= 0) + 3
    caches = torch.randn(2, pages, page, kv, width, device="cuda", dtype=dtype)
    table = torch.full((n, max_blocks), -1, dtype=torch.int32)
    free = iter(torch.randperm(pages).tolist())
    for row, x in enumerate(lengths):
        for i in range(x // page + 1):
            table[row, i] = next(free)
    table = table.cuda()
    lens = torch.tensor(lengths, dtype=torch.int32, device="cuda")
    q = torch.randn(n, 1, heads, width, device="cuda", dtype=dtype)
    new = torch.randn(2, n, 1, kv, width, device="cuda", dtype=dtype)
    before = caches.clone()
    call = lambda: attend(q, *caches, *new, lens, table, softmax_scale=width**-0.5)
    out = call()
    worst = 0.0
    written = before
    for row, x in enumerate(lengths):
        if x < 0:
            continue
        at = torch.arange(x + 1, device="cuda")
        place = table[row, at // page].long(), at % page
        written[:, place[0][-1], place[1][-1]] = new[:, row, 0]
        if row < 24:
            worst = max(
                worst, (out[row].float() - exact(q[row], written[0][place], written[1][place], width**-0.5)).abs().max().item()
            )
    ok = worst < 0.03 and torch.equal(caches, written) and bool(out.isfinite().all())
    took = seconds(call)
    read = sum(max(x, 0) for x in lengths) * kv * width * 4
    say(
        f"paged {name}: max error {worst:.4f}, cache {torch.equal(caches, written)} {'ok' if ok else 'WRONG'}, in a graph {took * 1e6:.0f} us, {read / took / 1e12:.2f} TB/s"
    )


def kernels():
    import torch, transformers

    torch.manual_seed(0)
    h, b = torch.float16, torch.bfloat16
    try:
        import triton

        version = triton.__version__
    except ImportError:
        version = None
    say(
        "torch",
        torch.__version__,
        "transformers",
        transformers.__version__,
        "triton",
        version,
        torch.cuda.get_device_name(0),
        "C compiler:",
        shutil.which("cc") or shutil.which("gcc") or shutil.which("clang"),
    )
    say(torch.ops.aten._flash_attention_forward.default._schema)
    mixed = [(1, 700), (300, 300), (1, 33), (64, 1000), (1, 1), (129, 4097)]
    guarded(op, "12/2 128 mixed, padded", 12, 2, 128, b, mixed)
    guarded(paged, "12/2 128, 9 lengths", 12, 2, 128, b, [-1, 0, 1, 63, 64, 255, 256, 300, 700])
    guarded(op, "12/2 128 decode only", 12, 2, 128, b, [(1, 900)] * 32)
    guarded(op, "32/8 64 fp16", 32, 8, 64, h, mixed)
    guarded(op, "12/2 128 long", 12, 2, 128, b, [(512, 20000), (1, 20000)])
    guarded(paged, "32/8 64 fp16", 32, 8, 64, h, [-1, 5, 511, 512, 3000])
    guarded(paged, "28/4 128 one of 20,000", 28, 4, 128, b, [20000])
    guarded(paged, "8/1 256", 8, 1, 256, b, [1, 700, 256])
    guarded(paged, "12/2 128 N=1, 900", 12, 2, 128, b, [900])
    guarded(paged, "12/2 128 N=32, 900", 12, 2, 128, b, [900] * 32)
    guarded(paged, "12/2 128 N=256, 900", 12, 2, 128, b, [900] * 256)


# --- a tiny model through the whole engine -----------------------------------------------------------------------------
def started(folder, how, **more):
    """An engine in this process. how: flash, varlen (no block tables), sdpa."""
    from workers.engines import load
    from workers.engines.base import EngineOptions
    from workers.engines.transformers import flash

    suits, find = flash.suits, flash.find_decode
    if how == "sdpa":
        flash.suits = lambda model: False
    if how == "varlen":
        flash.find_decode = lambda model: None
    began = time.time()
    try:
        engine = load(EngineOptions("transformers", str(folder), device="cuda", **more))
    finally:
        flash.suits, flash.find_decode = suits, find
    m = engine._manager
    c = m.continuous_batching_config
    io = m.batch_processor.inputs_and_outputs
    cache = m.batch_processor.cache
    say(
        f"  {how}: ready in {time.time() - began:.1f} s; {m.model.config._attn_implementation}, {m.model.dtype}, blocks a request {cache.max_blocks_per_request}, pool {cache.num_blocks} blocks,"
        f" graphs {c.use_cuda_graph}, captured {sorted(io.graphs._storage)}, limits {engine.limits}"
    )
    return engine


def replies(engine, requests):
    from workers.engines.base import Tokens

    for r in requests:
        engine.submit(r)
    out = {r.id: [] for r in requests}
    left = len(requests)
    while left:
        for e in engine.step(5.0):
            if isinstance(e, Tokens):
                out[e.id] += e.ids
            else:
                left -= 1
                assert e.reason == "length", e
    return out


def tiny():
    import torch
    from tests.tiny_models import make_tiny_model
    from workers.engines.base import Request, Sampling

    folder = Path(tempfile.mkdtemp())
    greedy = Sampling(0.0)
    make_tiny_model(folder, max_position_embeddings=4096, hidden_size=256, num_hidden_layers=4)  # heads of 64
    prompts = [tuple([259, 257, *[(7 * i + j) % 256 for j in range(11 + 97 * i)], 258]) for i in range(12)]
    requests = [Request(str(i), p, 60, sampling=greedy) for i, p in enumerate(prompts)]
    said = {}

    def one(how):
        engine = started(folder, how, context=2048, requests=64)
        try:
            said[how] = replies(engine, requests)
            alone = replies(engine, requests[7:8])["7"]
            again = replies(engine, requests)
            seeds = [
                replies(engine, [Request("s", prompts[2], 60, sampling=Sampling(0.8, 0.9, seed=7)), *requests[:n]])["s"]
                for n in (0, 3)
            ]
            say(
                f"  {how}: again the same {again == said[how]}, alone the same {alone == said[how]['7']}, seeds reproducible {seeds[0] == seeds[1]}, graphs now {len(engine._manager.batch_processor.inputs_and_outputs.graphs._storage)}"
            )
        finally:
            engine.close()

    for how in ("flash", "varlen", "sdpa"):
        guarded(one, how)

    def exact_share(a, b):
        same = [next((i for i, (x, y) in enumerate(zip(said[a][k], said[b][k])) if x != y), 60) for k in said[a]]
        say(
            f"greedy {a} against {b}: {sum(s == 60 for s in same)} of {len(same)} replies the same, first differences at {same}"
        )

    for pair in (("flash", "sdpa"), ("varlen", "sdpa"), ("flash", "varlen")):
        guarded(exact_share, *pair)


# --- speed -------------------------------------------------------------------------------------------------------------
def storm(engine):
    import random
    from collections import Counter
    from workers.engines.base import Request, Sampling

    ends = []

    def cancel_one(i):
        g = engine.generate(
            Request(
                f"c{i}", tuple(random.randrange(1000, 9000) for _ in range(random.randrange(5, 600))), 400, sampling=Sampling()
            )
        )
        n = 0
        for new in g:
            n += len(new)
            if n > random.randrange(1, 200):
                g.cancel()
        ends.append(g.ended.reason)

    threads = [threading.Thread(target=cancel_one, args=(i,)) for i in range(100)]
    [t.start() for t in threads]
    [t.join(40) for t in threads]
    say("cancel storm", dict(Counter(ends)), engine.state.name)


def speed(folder):
    import bench.engine as b
    from workers.engines.base import EngineOptions
    from workers.engines.process import EngineProcess

    b.NUM_NEW = 128
    began = time.time()
    with EngineProcess(EngineOptions("transformers", folder, context=4096, requests=256), lambda *a: None) as engine:
        engine.wait_ready(120)
        say(f"flash ready after {time.time() - began:.1f} s")
        for n in (1, 32, 256):
            say("flash", b.measure(engine, n, 151936, 1))
        guarded(storm, engine)
        say("flash after the storm", b.measure(engine, 1, 151936, 1))


def slow(folder):
    import bench.engine as b

    b.NUM_NEW = 48

    def one(how, nums):
        engine = started(folder, how, context=4096, requests=256)
        try:
            for n in nums:
                for seed in (0, 1):
                    requests = list(b.make_requests(n, 151936, seed))
                    began = time.time()
                    replies(engine, requests)
                say(f"{how} N={n}: {n * 48 / (time.time() - began):.1f} tokens/s (48 each, prompt included, no other process)")
        finally:
            engine.close()

    guarded(one, "flash", (1,))
    guarded(one, "sdpa", (1,))
    guarded(one, "varlen", (1, 32))
    # More than any card holds is wanted here, so that transformers must measure what fits.
    guarded(lambda: started(folder, "flash").close())


def main():
    if len(sys.argv) > 1:
        return globals()[sys.argv[1]](*sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        making = threading.Thread(target=subprocess.run, args=([sys.executable, __file__, "make", folder],))
        making.start()
        for part, limit, *args in (("kernels", 60), ("tiny", 60), ("speed", 110, folder), ("slow", 80, folder)):
            if args:
                making.join()
            say("==", part)
            try:
                subprocess.run([sys.executable, "-u", __file__, part, *args], timeout=limit)
            except subprocess.TimeoutExpired:
                say(part, "TIMED OUT after", limit, "s")


def make(folder):
    import bench.engine as b

    b.make_model(folder, "r1-1.5b")


if __name__ == "__main__":
    main()
