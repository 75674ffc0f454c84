"""transformers' continuous batching: says what the model says, refuses what it must, ends all when it breaks."""

import os
import shutil
import threading
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from tests.tiny_models import NUM_IDS, make_tiny_model
from workers.engines import load
from workers.engines.base import EngineOptions, Request, Sampling, Tokens
from workers.engines.errors import EngineLoadFailed

GREEDY = Sampling(temperature=0.0)
PROMPTS = [[259, 257, *range(i, i + 17 * i), 258] for i in range(1, 8)]


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def folder(request, tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def start():
    engines = []

    def start(folder, **options):
        options = {"device": "cpu", "threads": 1, "context": 512, **options}
        engines.append(engine := load(EngineOptions("transformers", str(folder), **options)))
        return engine

    yield start
    for engine in engines:
        engine.close()


def run(engine, *requests):
    """{id: (ids, the end)}; raises what `step` raises."""
    for request in requests:
        engine.submit(request)
    replies = {request.id: [] for request in requests}
    ends = {}
    while len(ends) < len(requests):
        for event in engine.step(1.0):
            if isinstance(event, Tokens):
                replies[event.id] += event.ids
            else:
                ends[event.id] = event
    return {id: (ids, ends[id]) for id, ids in replies.items()}


def test_greedy_is_what_the_model_itself_generates_alone_and_in_a_batch(folder, start):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    expected = {}
    for i, prompt in enumerate(PROMPTS):
        whole = model.generate(torch.tensor([prompt]), max_new_tokens=40, do_sample=False, eos_token_id=None)
        expected[str(i)] = whole[0, len(prompt) :].tolist()
    engine = start(folder)
    requests = [Request(str(i), tuple(prompt), 40, sampling=GREEDY) for i, prompt in enumerate(PROMPTS)]

    assert {id: ids for id, (ids, _) in run(engine, *requests).items()} == expected
    assert run(engine, requests[3])["3"][0] == expected["3"]


@pytest.fixture
def indifferent(folder, start):
    """An engine whose model finds every token as good as any other."""
    engine = start(folder)
    engine._manager.model.lm_head.weight.data.zero_()
    return engine


def test_greedy_takes_the_first_of_equal_bests(indifferent):
    assert run(indifferent, Request("a", (1, 2, 3), 20, sampling=GREEDY))["a"][0] == [0] * 20


def test_chance_is_even(indifferent):
    """Chi-square of 6,000 draws over all tokens: mean 261, deviation 23, so that chance alone fails once in 10^9."""
    requests = [Request(str(i), (1,), 500, sampling=Sampling(1.0, 1.0)) for i in range(12)]
    drawn = Counter(id for ids, _ in run(indifferent, *requests).values() for id in ids)
    expected = 6000 / NUM_IDS

    assert 130 < sum((drawn[id] - expected) ** 2 / expected for id in range(NUM_IDS)) < 400


def test_chance_is_never_infinite():
    """An infinite noise on a token that is ruled out would make NaN. These keys reach the largest number there is."""
    from workers.engines.noise import gumbel

    noise = gumbel(torch.tensor([[63_000_189], [117_000_351]], dtype=torch.int32), 500_000)

    assert noise.isfinite().all()
    assert noise.max() > 14


def test_a_seed_means_what_it_always_meant_alone_and_among_others():
    from workers.engines.noise import mix, step_keys

    keys, positions = (1, 1 << 31 | 5, (1 << 32) - 1), (0, 7, 131_071)
    always = [1_891_665_217, 1_439_855_167, 1_558_311_255]

    assert [*map(mix, keys, positions)] == always
    assert step_keys(torch.tensor(keys), torch.tensor(positions)).tolist() == always


def test_a_seed_makes_its_own_chance_whatever_runs_beside(indifferent):
    same = run(indifferent, *[Request(str(i), (1,), 30, sampling=Sampling(1.0, 1.0, seed=5)) for i in range(2)])
    other = run(indifferent, Request("a", (1,), 30, sampling=Sampling(1.0, 1.0, seed=6)))

    assert same["0"][0] == same["1"][0] != other["a"][0]


def test_a_lower_temperature_and_a_smaller_nucleus_choose_less(folder, start):
    engine = start(folder)
    prompt = (259, 65, 66)
    kinds = {
        "hot": Sampling(3.0, 1.0),
        "few": Sampling(3.0, 1.0, top_k=3),
        "nucleus": Sampling(3.0, 0.05),
        "cold": Sampling(0.0001, 1.0),
    }
    first = {
        name: {ids[0] for ids, _ in run(engine, *[Request(str(i), prompt, 1, sampling=how) for i in range(60)]).values()}
        for name, how in kinds.items()
    }

    assert len(first["hot"]) > 10
    assert len(first["few"]) == 3
    assert len(first["nucleus"]) < len(first["hot"])
    assert len(first["cold"]) == 1


def test_a_limit_of_one_request_holds_beside_others_that_have_none(folder, start):
    hows = {"few": Sampling(3.0, 1.0, top_k=3), "nucleus": Sampling(3.0, 0.05), "hot": Sampling(3.0, 1.0)}
    requests = [Request(f"{name}-{n}", (259, 65, 66), 1, sampling=how) for n in range(60) for name, how in hows.items()]
    first = {name: set() for name in hows}
    for id, (ids, _) in run(start(folder), *requests).items():
        first[id.split("-")[0]].add(ids[0])

    assert len(first["few"]) == 3
    assert len(first["nucleus"]) < len(first["hot"]) > 10


@pytest.mark.parametrize(
    ("how", "num"),
    [
        (GREEDY, 0),
        (Sampling(1.0, 1.0), 0),
        (Sampling(1.0, 1.0, top_k=5), 1),
        (Sampling(1.0, 0.999, seed=1), 0),
        (Sampling(1.0, 1e-6), 1),
    ],
)
def test_the_vocabulary_is_sorted_only_where_a_limit_might_change_the_choice(folder, start, monkeypatch, how, num):
    engine, sorted_at = start(folder), []
    sort = torch.sort
    monkeypatch.setattr(torch, "sort", lambda *args, **more: sorted_at.append(1) or sort(*args, **more))
    run(engine, Request("a", (259, 65, 66), 6, sampling=how))

    assert len(sorted_at) == 6 * num


def test_nothing_is_drawn_on_a_cpu_after_the_choice(folder, start, monkeypatch):
    monkeypatch.setattr(torch, "multinomial", None)

    assert run(start(folder), Request("a", (259, 65, 66), 6, sampling=Sampling(0.6, 0.95)))["a"][1].reason == "length"


def processors_of(device):
    """transformers' own and ours, as a manager on this device would have them."""
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
    from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessorList

    from workers.engines.transformers.choosing import Choosing

    warpers = LogitsProcessorList([TemperatureLogitsWarper(0.6), TopKLogitsWarper(50), TopPLogitsWarper(0.95)])
    manager = SimpleNamespace(
        logit_processor=ContinuousBatchingLogitsProcessorList(warpers, per_request_processors=True),
        model=SimpleNamespace(device=torch.device(device)),
        generation_config=SimpleNamespace(do_sample=True),
    )
    Choosing.install(manager)
    return manager.logit_processor


@pytest.mark.parametrize("decimals", [0, 1, 7])
@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_a_cpu_chooses_what_cutting_the_whole_vocabulary_first_would_choose(decimals, spread):
    """With limits of every kind beside each other, and with many equal scores at the edge of what they leave."""
    dice = torch.Generator().manual_seed(1)

    def pick(*values):
        return torch.tensor(values)[torch.randint(len(values), (8,), generator=dice)]

    for _ in range(100):
        scores = (torch.randn((8, 300), generator=dice) * spread).round(decimals=decimals)
        floats = pick(0.3, 0.6, 1.0, 2.0), pick(1e-6, 0.1, 0.5, 0.9, 0.95, 0.9999, 1.0)
        temperature, top_p = (numbers.view(torch.int32) for numbers in floats)
        top_k, key = pick(1, 2, 20, 300, 300).int(), torch.randint(1 << 31, (8,), generator=dice).int() * pick(0, 1, 1).int()
        args = torch.stack([temperature, top_k, top_p, key])

        assert torch.equal(processors_of("cpu")(None, scores, args), processors_of("cuda")(None, scores, args))


def test_more_than_the_pool_holds_all_end_all_the_same(folder, start, monkeypatch):
    """Requests are set back and taken up again: nothing is said twice and nothing is lost."""
    from workers.engines.transformers import batching

    monkeypatch.setattr(batching, "CPU_POOL_BYTES", 1)
    engine = start(folder)
    requests = [Request(str(i), tuple(range(i, i + 100)), 280, sampling=GREEDY) for i in range(4)]
    together = run(engine, *requests)
    alone = run(engine, requests[3])

    assert [len(ids) for ids, _ in together.values()] == [280] * 4
    assert together["3"] == alone["3"]


def test_ids_that_the_model_does_not_know_are_refused(folder, start):
    wrong = [Request("a", (1, NUM_IDS), 5), Request("b", (), 5), Request("c", (1,), 0)]
    replies = run(start(folder), *wrong, Request("d", (1,), 2))

    assert [end.reason for _, end in replies.values()] == ["refused", "refused", "refused", "length"]


def error_of_stepping(engine):
    try:
        for _ in range(50):
            engine.step(0.1)
    except RuntimeError as error:
        return str(error)


def test_a_loop_that_breaks_ends_every_request_and_then_the_engine(folder, start):
    """NaN stands for all that can go wrong there, running out of memory too."""
    engine = start(folder)
    for parameter in engine._manager.model.parameters():
        parameter.data.fill_(float("nan"))
    replies = run(engine, *[Request(str(i), (1, 2), 5) for i in range(3)])

    assert [end.reason for _, end in replies.values()] == ["error"] * 3
    assert "has died" in error_of_stepping(engine)
    engine.submit(Request("late", (1, 2), 5))
    assert engine.step(0.1)[0].reason == "error"


def test_a_step_that_never_comes_back_is_an_error_and_not_a_long_wait(folder, start, monkeypatch):
    monkeypatch.setattr("workers.engines.transformers.engine.STUCK_SECONDS", 0.3)
    engine = start(folder)
    released = threading.Event()
    engine._manager.model.register_forward_pre_hook(lambda module, args: released.wait(10) and None)
    engine.submit(Request("a", (1, 2), 5))
    try:
        assert "has not finished a step" in error_of_stepping(engine)
    finally:
        released.set()


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def refusal(folder, **options):
    with pytest.raises(EngineLoadFailed) as caught:
        load(EngineOptions("transformers", str(folder), **{"device": "cpu", **options}))
    return str(caught.value)


def test_damaged_weights_are_said(copy):
    os.truncate(copy / "model.safetensors", 1000)

    assert "are missing" in refusal(copy)


def test_weights_that_lack_a_part_are_said(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})

    assert "the weights lack model.layers.1.mlp.up_proj.weight" in refusal(copy)


def test_an_architecture_that_is_unknown_or_brings_its_own_code_is_said(copy):
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config.replace('"model_type": "', '"model_type": "own_'))

    assert "cannot load the model" in refusal(copy)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has what is asked for in vain")
def test_a_device_that_is_not_there_is_said(copy):
    assert "device cuda was asked for" in refusal(copy, device="cuda")
