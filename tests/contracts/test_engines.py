"""What every engine owes the rest, each tried in this process and behind `EngineProcess`."""

import threading
import time
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, replace

import pytest
import torch

from tests.fakes.openai_server import OpenAIServer
from tests.fakes.vllm_stub import stub_of_vllm
from tests.tiny_models import make_tiny_model, write_tiny_gguf
from workers.engines import load
from workers.engines.base import Ended, EngineOptions, Request, Sampling, ThoughtLimit, Tokens
from workers.engines.echo import ASSISTANT, BEGIN, THINK, USER
from workers.engines.errors import EngineLoadFailed
from workers.engines.process import EngineProcess

GREEDY = Sampling(temperature=0.0)
CONTEXT = 512
PACE = 500.0  # tokens a second: slow enough to cancel in the middle, also where everything is slow


def asking(text, id="a", max_tokens=40, stop_ids=frozenset(), sampling=GREEDY):
    prompt = (BEGIN, USER, *text.encode(), ASSISTANT, THINK, 10)
    return Request(id, prompt, max_tokens, frozenset(stop_ids), sampling)


@dataclass
class Outcome:
    ids: list
    ends: list


class InProcess:
    """Steps the engine by hand; `act(step)` is called before each step."""

    def __init__(self, options):
        self.engine = load(options)

    def run(self, *requests, act=lambda outcomes: None, seconds=90):
        for request in requests:
            self.engine.submit(request)
        outcomes = defaultdict(lambda: Outcome([], []))
        deadline = time.monotonic() + seconds
        while not all(outcomes[request.id].ends for request in requests):
            assert time.monotonic() < deadline, "an engine left a request without an end"
            act(outcomes)
            self.take(outcomes)
        self.take(outcomes)
        return dict(outcomes)

    def take(self, outcomes):
        for event in self.engine.step(0.02):
            if isinstance(event, Tokens):
                assert event.ids, "an event without tokens"
                assert not outcomes[event.id].ends, "tokens after the end"
                outcomes[event.id].ids += event.ids
            else:
                outcomes[event.id].ends.append(event)

    def cancel(self, id):
        self.engine.cancel(id)

    def close(self):
        self.engine.close()


class Behind:
    """The same through a process of its own, one reading thread for each request."""

    def __init__(self, options):
        self.process = EngineProcess(options)
        self.process.wait_ready(120)

    def run(self, *requests, act=lambda outcomes: None, seconds=90):
        self.generations = {request.id: self.process.generate(request) for request in requests}
        outcomes = {request.id: Outcome([], []) for request in requests}
        threads = [threading.Thread(target=self.read, args=(id, outcomes)) for id in outcomes]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        while any(thread.is_alive() for thread in threads):
            assert time.monotonic() < deadline, "an engine left a request without an end"
            act(outcomes)
            time.sleep(0.005)
        return outcomes

    def read(self, id, outcomes):
        for ids in self.generations[id]:
            outcomes[id].ids += ids
        outcomes[id].ends.append(self.generations[id].ended)

    def cancel(self, id):
        if id in self.generations:
            self.generations[id].cancel()

    def close(self):
        self.process.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def gguf(tmp_path_factory, folder):
    """The same model with its tokenizer's files beside it."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (the extra `cpu`)")
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf"), folder)


@pytest.fixture(scope="module")
def servers():
    # Two, so that what holds for one holds for several. The fake is paced as echo is.
    with OpenAIServer(speed=PACE) as one, OpenAIServer(speed=PACE) as other:
        yield one.url, other.url


@pytest.fixture(scope="module", params=["echo", "paged", "transformers", "llamacpp", "openai", "vllm"])
def options(request, folder, servers):
    if request.param == "openai":
        yield EngineOptions("openai", urls=servers, context=CONTEXT)
        return
    # Echo is paced so that there is a moment in which to cancel.
    speed = PACE if request.param == "echo" else 0.0
    is_cuda = torch.cuda.is_available() and request.param in ("paged", "transformers")
    place = {"device": "cuda", "dtype": "bfloat16"} if is_cuda else {"device": "cpu", "threads": 1}
    with stub_of_vllm() if request.param == "vllm" else nullcontext():
        options = EngineOptions(request.param, str(folder), context=CONTEXT, tokens_per_second=speed, **place)
        if request.param == "llamacpp":
            # In 16 bits, which is its own choice, company shows in the last bits, and a tiny random model hangs on them.
            options = replace(options, model=str(request.getfixturevalue("gguf")), dtype="float32")
        yield options


@pytest.fixture(scope="module", params=[InProcess, Behind])
def engine(request, options):
    driver = request.param(options)
    yield driver
    driver.close()


# In 16 bits company shows in the last bits, and a tiny random model hangs on them; paged/test_gpu.py allows for that.
in_one_company = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU rounds otherwise in other company")


def only(outcomes):
    (outcome,) = outcomes.values()
    return outcome


def test_a_reply_ends_exactly_once(engine):
    outcome = only(engine.run(asking("hello", max_tokens=7)))

    assert len(outcome.ids) == 7
    assert outcome.ends == [Ended("a", "length")]


@in_one_company
def test_greedy_says_the_same_twice_and_in_company(engine):
    alone = only(engine.run(asking("hello #long 100"))).ids
    others = [asking(f"hello {i} #long 100", id=f"b{i}") for i in range(7)]
    in_company = engine.run(asking("hello #long 100"), *others)["a"].ids

    assert alone == in_company
    assert alone == only(engine.run(asking("hello #long 100"))).ids


def test_the_stop_token_ends_the_reply_and_is_not_part_of_it(engine):
    ids = only(engine.run(asking("hello #long 100"))).ids
    stop = ids[5]
    outcome = only(engine.run(asking("hello #long 100", stop_ids={stop})))

    assert outcome.ids == ids[: ids.index(stop)]
    assert outcome.ends == [Ended("a", "stop")]


def test_whichever_of_several_stop_tokens_comes_first_ends_the_reply(engine):
    ids = only(engine.run(asking("hello #long 100"))).ids
    stops = {ids[8], ids[12]}
    outcome = only(engine.run(asking("hello #long 100", stop_ids=stops)))

    assert outcome.ids == ids[: min(ids.index(stop) for stop in stops)]


def test_a_cancelled_request_ends_soon_and_once_while_the_others_go_on(engine):
    cancelled = []

    def act(outcomes):
        if not cancelled and outcomes["a"].ids:
            cancelled.append(True)
            engine.cancel("a")

    outcomes = engine.run(asking("#long 900", max_tokens=400), asking("#long 900", id="b", max_tokens=200), act=act)

    assert [end.reason for end in outcomes["a"].ends] == ["cancelled"]
    assert len(outcomes["a"].ids) < 400
    assert [end.reason for end in outcomes["b"].ends] == ["length"]
    assert len(outcomes["b"].ids) == 200


def test_cancelling_what_is_unknown_or_over_does_nothing(engine):
    engine.run(asking("hello", max_tokens=3))
    engine.cancel("a")
    engine.cancel("nobody")

    assert only(engine.run(asking("hello", id="c", max_tokens=3))).ends == [Ended("c", "length")]


def test_many_cancels_at_any_moment_leave_one_end_each(engine):
    """Cancel races with the end: some have ended by themselves, none ends twice or never."""
    waves = iter(range(10_000))

    def act(outcomes):
        engine.cancel(f"r{next(waves) % 24}")

    requests = [asking(f"{i} #long 99", id=f"r{i}", max_tokens=5 + 5 * i) for i in range(24)]
    outcomes = engine.run(*requests, act=act)

    assert [len(outcome.ends) for outcome in outcomes.values()] == [1] * 24
    assert {end.reason for outcome in outcomes.values() for end in outcome.ends} <= {"cancelled", "length", "stop"}


@pytest.mark.parametrize(("num_prompt", "max_tokens"), [(CONTEXT + 1, 1), (CONTEXT - 10, 20), (10_000, 10)])
def test_what_cannot_fit_is_refused_and_the_others_live_on(engine, num_prompt, max_tokens):
    too_long = Request("long", (65,) * num_prompt, max_tokens, sampling=GREEDY)
    outcomes = engine.run(too_long, asking("hello", max_tokens=9))

    assert (outcomes["long"].ids, [end.reason for end in outcomes["long"].ends]) == ([], ["refused"])
    assert outcomes["a"].ends == [Ended("a", "length")]


def test_a_prompt_that_fits_exactly_is_answered(engine):
    fitting = [Request(str(i), (BEGIN, USER, *(b"#long 99" * 99)[:500], ASSISTANT), 9, sampling=GREEDY) for i in range(3)]

    assert [len(outcome.ids) for outcome in engine.run(*fitting).values()] == [9, 9, 9]


def test_many_at_once_all_end(engine):
    # All behind the thought: its end is a token that a server counts and does not show.
    requests = [asking(f"{i} #long 100", id=str(i), max_tokens=20 + i) for i in range(40)]
    outcomes = engine.run(*requests)

    assert [len(outcomes[str(i)].ids) for i in range(40)] == [20 + i for i in range(40)]


def test_requests_may_come_from_several_threads(engine):
    if isinstance(engine, InProcess):
        pytest.skip("`Behind` has the threads")
    ends = []

    def talk(name):
        for i in range(5):
            with engine.process.generate(asking(f"{name} {i} #long 50", max_tokens=20)) as generation:
                ends.append((sum(map(len, generation)), generation.ended))

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [(20, Ended("a", "length"))] * 40


@in_one_company
def test_a_seed_says_the_same_twice_alone_and_in_company(engine):
    seeded = asking("hello #long 100", sampling=Sampling(temperature=1.0, top_p=1.0, seed=7))
    alone = only(engine.run(seeded)).ids
    others = [asking(str(i), id=f"b{i}", sampling=Sampling(seed=i)) for i in range(5)]

    assert engine.run(seeded, *others)["a"].ids == alone


def test_what_only_some_engines_heed_does_no_harm_to_the_others(engine):
    thought = ThoughtLimit(5, 3, (65, 66))
    steered = replace(asking("hello #long 100", max_tokens=30), thought=thought, banned_ids=frozenset({77}))
    outcome = only(engine.run(steered))

    assert (len(outcome.ids), outcome.ends) == (30, [Ended("a", "length")])


def test_an_engine_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(EngineLoadFailed, match=r"no engine 'nonsense'.*echo, paged"):
        load(EngineOptions("nonsense"))
