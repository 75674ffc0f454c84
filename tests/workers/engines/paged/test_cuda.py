"""What runs on GPUs, on any machine: the kernels are written out, the graphs are functions that are called again."""

import pytest

from tests.workers.engines.paged.driving import assert_nothing_leaks, run
from tests.workers.engines.written_out import KERNELS
from workers.engines import kernels
from workers.engines.base import Request, Sampling, ThoughtLimit
from workers.engines.paged import assembly, cuda

PROMPTS = [[259, 257, *range(i, i + 23 * i), 258] for i in range(1, 8)]
STEPS = {("step", 1), ("step", 4), ("step", 7)}
# No kernels, nothing captured.
CAPTURED = {"kernels": {*STEPS, ("read", 20), ("read", 50)}, "no kernels": set()}


@pytest.fixture(params=["qwen2", "biased", "qwen3"])
def folder(request, folders):
    return folders[request.param]


@pytest.fixture(params=["kernels", "no kernels"])
def engine(request, folder, start, monkeypatch):
    """An engine that believes that torch's CPU has what its CUDA has; `launched` are the sizes of steps and readings."""
    launched = []

    def call_again(launch):
        def replay():
            is_step = launch.func.__name__ == "_step"
            launched.append(("step", len(launch.args[0])) if is_step else ("read", *launch.args[1]))
            return launch()

        return replay

    monkeypatch.setattr(kernels, "has_flash", lambda *_: True)
    monkeypatch.setattr(kernels, "find_kernels", lambda *_: None if request.param == "no kernels" else KERNELS)
    monkeypatch.setattr(cuda, "make_capture", lambda: call_again)
    monkeypatch.setattr(assembly.cuda, "batch_sizes", lambda num_slots: [1, 4, num_slots])
    monkeypatch.setattr(cuda, "_CHUNKS", (20,))
    engine = start(folder, ahead=1, slots=7, chunk=50)
    engine.launched, engine.kind = launched, request.param
    return engine


def test_greedy_is_what_transformers_says_with_padding_chunks_and_cached_beginnings(engine, folder, likeliest):
    requests = [Request(str(i), tuple(prompt), 30 + i, sampling=Sampling(0.0)) for i, prompt in enumerate(PROMPTS)]
    for _ in range(2):
        replies = run(engine, *requests)
        for i, prompt in enumerate(PROMPTS):
            assert (ids := replies[str(i)][0]) == likeliest(folder, prompt, ids)

    assert engine._scheduler.num_cached_tokens > 200
    # What waits for the host cannot be in a graph.
    assert set(engine.launched) == CAPTURED[engine.kind]
    assert_nothing_leaks(engine)


@pytest.fixture
def asked():
    """Penalties, after a prompt in which there is what they count, and what else a choice may be asked for."""
    chances = Sampling(1.0, 0.9, seed=6, repetition_penalty=1.3, presence_penalty=0.5)
    return [
        Request("sampled", (1, 2), 25, sampling=Sampling(1.5, 0.9, seed=4)),
        Request("banned", (1, 2), 25, sampling=Sampling(1.5, seed=5), banned_ids=frozenset(range(0, 16, 2))),
        Request("penalised", (1, 2, 3), 25, sampling=Sampling(0.0, repetition_penalty=3.0)),
        Request("varied", tuple(range(0, 90, 3)), 25, sampling=chances),
    ]


def test_chance_bans_and_penalties_are_the_same_with_graphs_and_without(engine, folder, start, monkeypatch, asked):
    if engine.kind != "no kernels":
        for way in ("_step", "_read"):
            monkeypatch.setattr(engine._runner, way, None)  # what is captured no longer needs them
    expected = [run(engine, *turn) for turn in (asked, asked[::-1])]  # the second time in slots that have marks
    assert expected[0] == expected[1]
    monkeypatch.undo()
    assert {id: ids for id, (ids, _) in run(start(folder), *asked).items()} == {id: ids for id, (ids, _) in expected[0].items()}


def test_padding_writes_into_the_block_that_belongs_to_nobody(engine):
    cache = engine._runner._attention.cache
    before = cache.clone()
    run(engine, Request("a", (1, 2, 3), 1, sampling=Sampling(0.0)))

    changed = {block for block in range(cache.shape[2]) if not cache[:, :, block].equal(before[:, :, block])}
    assert len(changed - {0}) == 1


def test_a_thought_is_closed_by_what_is_forced_within_captured_steps(engine, folder, start, monkeypatch):
    thinking = Request("thinking", (1, 2, 3), 30, sampling=Sampling(0.0), thought=ThoughtLimit(9, 255, (65, 66, 255, 10)))
    other = Request("other", (4, 5, 6), 30, sampling=Sampling(0.0))
    expected = run(engine, thinking, other)
    monkeypatch.undo()

    assert expected["thinking"][0][9:13] == [65, 66, 255, 10]
    assert run(start(folder), thinking, other) == expected


def test_there_is_a_graph_for_every_number_of_rows():
    assert cuda.batch_sizes(1) == [1]
    assert cuda.batch_sizes(32) == [1, 2, 4, 8, 16, 24, 32]
    for num in (3, 100, 256, 1024):
        sizes = cuda.batch_sizes(num)
        assert sizes[-1] == num
        assert sizes == sorted(set(sizes))
    assert len(cuda.batch_sizes(1024)) < 30
