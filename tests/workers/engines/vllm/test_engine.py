"""The vllm engine on a stand-in for vLLM: what it asks for, and what it makes of what comes back."""

import os
import time
from collections import defaultdict
from dataclasses import replace

import pytest

from tests.fakes.vllm_stub import stub_of_vllm
from tests.workers.checkpoints.makers import make
from workers.engines import load
from workers.engines.base import Ended, EngineOptions, Request, Sampling
from workers.engines.echo import ASSISTANT, BEGIN, END, THINK, USER
from workers.engines.errors import EngineLoadFailed
from workers.engines.vllm import is_installed


@pytest.fixture(scope="module")
def vllm():
    with stub_of_vllm() as vllm:
        yield vllm


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = make(tmp_path_factory.mktemp("model"), max_position_embeddings=4096)
    return EngineOptions("vllm", str(folder), context=2048, requests=8)


@pytest.fixture
def start(vllm, options):
    started = []

    def start(**changes):
        started.append(engine := load(replace(options, **changes)))
        return engine

    yield start
    for engine in started:
        engine.close()


def asking(text, id="a", max_tokens=400, stop_ids=frozenset({END}), **more):
    return Request(id, (BEGIN, USER, *text.encode(), ASSISTANT, THINK, 10), max_tokens, stop_ids, **more)


def run(engine, *requests, seconds=20):
    """{id: (ids, end)}, stepping until all have ended."""
    for request in requests:
        engine.submit(request)
    ids, ends, deadline = defaultdict(list), {}, time.monotonic() + seconds
    while not {request.id for request in requests} <= ends.keys():
        assert time.monotonic() < deadline, "no end"
        for event in engine.step(0.05):
            if isinstance(event, Ended):
                ends[event.id] = event
            else:
                ids[event.id] += event.ids
    return {id: (ids[id], end) for id, end in ends.items()}


def test_it_asks_for_prefix_caching_and_safetensors_and_never_for_foreign_code(start, vllm, options):
    start(gpus=2)
    asked = vllm.newest.args
    assert (asked.model, asked.enable_prefix_caching, asked.tensor_parallel_size) == (options.model, True, 2)
    assert (asked.trust_remote_code, asked.load_format, asked.enable_log_requests) == (False, "safetensors", False)
    assert (asked.max_model_len, asked.max_num_seqs) == (2048, 8)


def test_its_limits_are_those_of_vllm_and_never_more_than_the_model_was_made_for(start):
    assert (start().limits.context, start().limits.requests) == (2048, 8)
    assert start(context=100_000).limits.context == 4096
    assert start(context=0, requests=0).limits.context == 4096


def test_a_reply_is_whole_and_without_its_end_mark(start):
    ids, ended = run(start(), asking("hello"))["a"]
    assert bytes(id for id in ids if id < 256).decode().endswith("You said: hello. I am listening.")
    assert (END in ids, ended.reason) == (False, "stop")


def test_only_the_stop_tokens_that_were_given_end_a_reply(start):
    ids, ended = run(start(), asking("hello", max_tokens=200, stop_ids=frozenset()))["a"]
    assert (len(ids), ended.reason) == (200, "length")
    assert END in ids


def test_a_cancelled_reply_is_aborted_in_vllm_at_once(start, vllm):
    engine = start()
    engine.submit(asking("#long 900", max_tokens=1000))
    while not engine.step(0.05):
        pass
    engine.cancel("a")
    assert run(engine, asking("hello", id="b"))["b"][1].reason == "stop"
    assert vllm.newest.aborted == ["a"]
    assert vllm.newest.running == set()


def test_a_fault_in_one_reply_ends_that_one_alone(start):
    replies = run(start(), asking("#die"), asking("hello", id="b"))
    assert (replies["a"][1].reason, replies["b"][1].reason) == ("error", "stop")
    assert "hello" not in replies["a"][1].detail


def test_when_vllm_dies_every_reply_ends_and_then_the_engine(start, vllm):
    engine = start()
    for id in "ab":
        engine.submit(asking("#long 900", id=id, max_tokens=1000))
    while not engine.step(0.05):
        pass
    vllm.newest.die()
    ends = []
    while len(ends) < 2:
        ends += [event.reason for event in engine.step(0.05) if isinstance(event, Ended)]
    assert ends == ["error", "error"]
    with pytest.raises(RuntimeError, match="vLLM's engine has died"):
        engine.step(0.05)


def test_sampling_is_passed_on(start, vllm, monkeypatch):
    engine, seen = start(), []
    whole = vllm.newest.generate
    monkeypatch.setattr(
        vllm.newest, "generate", lambda prompt, sampling, id: seen.append(sampling) or whole(prompt, sampling, id)
    )
    run(engine, asking("hello", sampling=Sampling(0.3, 0.8, 5, 7)), asking("hello", id="b", sampling=Sampling(temperature=0.0)))
    assert (seen[0].temperature, seen[0].top_p, seen[0].top_k, seen[0].seed) == (0.3, 0.8, 5, 7)
    assert (seen[1].temperature, seen[1].top_k, seen[1].seed) == (0.0, 0, None)


def test_closing_shuts_vllm_down_and_aborts_what_runs(vllm, options):
    engine = load(options)
    engine.submit(asking("#long 900", max_tokens=1000))
    while not engine.step(0.05):
        pass
    engine.close()
    assert (vllm.newest.is_shut_down, vllm.newest.aborted) == (True, ["a"])


@pytest.mark.parametrize(
    ("problem", "heals"),
    [
        (RuntimeError("Engine core initialization failed. See root cause above."), False),
        (ValueError("Free memory on device…"), True),
    ],
)
def test_what_vllm_cannot_load_is_said_with_what_to_do(vllm, options, monkeypatch, problem, heals):
    monkeypatch.setattr(vllm, "load_error", problem)
    with pytest.raises(EngineLoadFailed) as caught:
        load(options)
    assert str(problem) in str(caught.value)
    assert "COMPANION_GPUS" in str(caught.value)
    assert caught.value.heals == heals


def test_the_model_is_looked_through_before_vllm_sees_it(vllm, options, tmp_path):
    (make(tmp_path) / "tokenizer.json").unlink()
    with pytest.raises(EngineLoadFailed, match=r"tokenizer\.json: missing"):
        load(replace(options, model=str(tmp_path)))


def test_nothing_is_told_to_vllms_makers_unless_somebody_wants_it(start, monkeypatch):
    for name in ("VLLM_NO_USAGE_STATS", "VLLM_LOGGING_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    start()
    assert (os.environ["VLLM_NO_USAGE_STATS"], os.environ["DO_NOT_TRACK"]) == ("1", "0")


def test_without_vllm_it_says_how_to_install_it(options, monkeypatch):
    monkeypatch.setattr("workers.engines.vllm.find_spec", lambda name: None)
    assert not is_installed()
    with pytest.raises(EngineLoadFailed, match=r"pip install 'companion\[console,embedded,vllm\]'"):
        load(options)
