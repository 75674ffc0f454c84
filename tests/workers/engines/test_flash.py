"""Flash attention from torch's own parts: the wiring on any machine, with kernels written out where there is no GPU."""

import os
import sys
from types import SimpleNamespace

import pytest
import torch

from tests.tiny_models import make_tiny_model
from tests.workers.engines.written_out import decode, flash_forward
from workers.engines import load
from workers.engines.base import EngineOptions, Request, Sampling, Tokens

GREEDY = Sampling(temperature=0.0)
PROMPTS = [[259, 257, *range(i, i + 17 * i), 258] for i in range(1, 8)] + [[i % 250 for i in range(600)]]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def folder(request, tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(params=["varlen alone", "block tables"])
def engine(request, folder, monkeypatch):
    """An engine that believes that torch's CPU has what its CUDA has."""
    from transformers.generation.continuous_batching import initialization

    from workers.engines.transformers import flash

    used = []
    if request.param == "block tables":
        # It looks for a GPU, and for nothing else that matters here.
        monkeypatch.setattr(initialization, "ensure_decode_fast_path_is_available", lambda *args: None)
    # Where there is a GPU, transformers would capture graphs on it of what runs here.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(flash, "suits", lambda model: True)
    monkeypatch.setattr(flash, "find_decode", lambda model: counting(used) if request.param == "block tables" else None)
    with torch.library._scoped_library("aten", "IMPL") as library:
        library.impl("_flash_attention_forward", flash_forward, "CPU")
        engine = load(EngineOptions("transformers", str(folder), device="cpu", threads=1, context=1024))
        engine.decoded = used
        yield engine
        engine.close()


def counting(used):
    def count(q, k_cache, v_cache, k, v, cache_seqlens, block_table, softmax_scale=None, causal=True, window_size=(-1, -1)):
        used.append(len(q))
        return decode(q, k_cache, v_cache, k, v, cache_seqlens, block_table, softmax_scale)

    return count


def run(engine, prompts):
    for number, prompt in enumerate(prompts):
        engine.submit(Request(str(number), tuple(prompt), 40, sampling=GREEDY))
    replies, num_ended = {str(number): [] for number in range(len(prompts))}, 0
    while num_ended < len(prompts):
        for event in engine.step(1.0):
            if isinstance(event, Tokens):
                replies[event.id] += event.ids
            else:
                assert event.reason == "length", event.detail
                num_ended += 1
    return list(replies.values())


def test_greedy_is_what_the_model_itself_generates_alone_and_in_a_mixed_batch(folder, engine, request):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    expected = [
        model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=False, eos_token_id=None)[0, len(prompt) :].tolist()
        for prompt in PROMPTS
    ]

    assert run(engine, PROMPTS) == expected
    assert run(engine, PROMPTS[3:4]) == expected[3:4]
    assert engine._manager.model.config._attn_implementation.endswith("torch_flash_2")
    assert bool(engine.decoded) == ("block tables" in request.node.name)


def test_the_requests_that_transformers_makes_up_to_warm_up_do_not_fail(engine):
    """It swallows their errors, and would then capture its graphs while people wait."""
    runner = engine._manager.batch_processor.model_runner

    with torch.no_grad():
        assert runner.run_one_warmup(engine._manager.model, num_q_tokens=8, max_kv_read=16) > 0


@pytest.mark.parametrize(
    ("change", "is_plain"),
    [
        ({}, True),
        ({"head_dim": 256}, True),
        ({"head_dim": 320}, False),
        ({"head_dim": 20}, False),
        ({"kv_lora_rank": 8}, False),
    ],
)
def test_unusual_attention_stays_with_sdpa(change, is_plain):
    from transformers import Qwen2Config

    from workers.engines.transformers import flash

    assert flash.is_plain(Qwen2Config(**change)) is is_plain


@pytest.mark.parametrize(
    ("attention", "context", "requests", "pool"),
    [
        ("torch_flash_2", 4096, 256, 5120 * 256),
        ("torch_flash_2", 4096, 1, 5120),
        ("paged|sdpa", 4096, 256, 65_536),
        ("paged|sdpa", 4096, 1, 5120),
        ("paged|sdpa", 100_000, 4, 125_000),
    ],
)
def test_the_pool_on_a_gpu_is_what_all_requests_need_and_small_where_masks_are_dense(attention, context, requests, pool):
    from transformers import Qwen2Config

    from workers.engines.transformers.batching import choose_sizes

    config = Qwen2Config(max_position_embeddings=131_072)
    config._attn_implementation_internal = attention
    model = SimpleNamespace(device=torch.device("cuda"), dtype=torch.bfloat16, config=config)

    assert choose_sizes(model, EngineOptions(context=context, requests=requests)).pool == pool


@pytest.fixture(scope="module")
def paged():
    """The kernels; without a GPU in Triton's interpreter, which must be asked for before Triton is imported."""
    with pytest.MonkeyPatch.context() as patch:
        if not torch.cuda.is_available():
            if tuple(map(int, pytest.importorskip("numpy").__version__.split(".")[:2])) >= (2, 4):
                pytest.skip("Triton's interpreter wants an older numpy")
            if "triton" in sys.modules and not os.environ.get("TRITON_INTERPRET"):
                pytest.skip("Triton was imported too soon: set TRITON_INTERPRET=1")
            patch.setenv("TRITON_INTERPRET", "1")
        pytest.importorskip("triton")
        from workers.engines.kernels import paged

        yield paged


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("num_programs", [1024 if torch.cuda.is_available() else 64, 1])
@pytest.mark.parametrize(("num_heads", "num_kv_heads", "width", "page"), [(12, 2, 128, 256), (4, 4, 64, 64), (5, 1, 80, 256)])
def test_the_paged_kernel_writes_the_new_token_and_attends_to_all_before_it(
    num_heads, num_kv_heads, width, page, num_programs, is_turned, paged, monkeypatch
):
    monkeypatch.setattr(paged, "NUM_PROGRAMS", num_programs)
    # The interpreter multiplies the bits of a bfloat16.
    device, dtype, tolerance = ("cuda", torch.bfloat16, 2e-2) if torch.cuda.is_available() else ("cpu", torch.float16, 2e-3)
    torch.manual_seed(0)
    lengths = [-1, 0, 1, 63, 64, 255, 256, 300, 700]
    caches = torch.randn(2, 40, page, num_kv_heads, width, device=device, dtype=dtype)
    table = torch.full((len(lengths), 16), -1, dtype=torch.int32)
    free = iter(torch.randperm(40).tolist())
    for row, length in enumerate(lengths):
        for number in range(length // page + 1):
            table[row, number] = next(free)
    # As one matrix gives them: a request's queries, its keys, its values, then those of the next.
    heads = torch.randn(len(lengths), 1, num_heads + 2 * num_kv_heads, width, device=device, dtype=dtype)
    q, *new = heads.split([num_heads, num_kv_heads, num_kv_heads], dim=2)
    numbers = torch.tensor(lengths, dtype=torch.int32, device=device), table.to(device)
    expected_caches = caches.clone()
    angles = torch.randn(len(lengths), width // 2, device=device, dtype=dtype).repeat(1, 2)
    turns = (angles.cos(), angles.sin()) if is_turned else None
    expected = decode(q, *expected_caches, *new, *numbers, softmax_scale=width**-0.5, turns=turns)
    output = paged.attend(q, *caches, *new, *numbers, softmax_scale=width**-0.5, turns=turns)

    torch.testing.assert_close(caches, expected_caches, atol=tolerance if is_turned else 0, rtol=0)
    torch.testing.assert_close(output[1:], expected[1:], atol=tolerance, rtol=tolerance)
    assert output.isfinite().all()
