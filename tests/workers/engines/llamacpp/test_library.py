"""The engine on the real llama.cpp, where it is installed: the same ids as transformers, its own words for errors."""

import struct

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed (the extra `cpu`)")

from dataclasses import replace

from bench.gguf_files import about, convert, quantize, write
from tests.tiny_models import END, make_tiny_model, write_tiny_gguf, write_tokenizer
from tests.workers.engines.llamacpp.driving import run
from workers.engines import load
from workers.engines.base import EngineOptions, Request, Sampling, ThoughtLimit
from workers.engines.errors import EngineLoadFailed
from workers.models import BUNDLED
from workers.tokenizer import Message, load_tokenizer

GREEDY = Sampling(temperature=0.0)
SAID = ("hello, I am Ann", "What is your name?", "你好，我叫小明", "Tell me about the sea.", "Who are you?")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    """{kind: file} of the model in the box."""
    folder = tmp_path_factory.mktemp("bundled")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((BUNDLED / name).read_bytes())
    files = {kind: convert(BUNDLED, folder / f"{kind}.gguf", kind) for kind in ("F32", "F16")}
    return files | {"Q8_0": quantize(files["F16"], folder / "Q8_0.gguf", "Q8_0")}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    model = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    file = write_tiny_gguf(tmp_path_factory.mktemp("gguf"), model)
    return EngineOptions("llamacpp", str(file), device="cpu", dtype="float32", threads=1, context=512)


@pytest.fixture(scope="module")
def engine(options):
    engine = load(options)
    yield engine
    engine.close()


def asking(id="a", max_tokens=20, sampling=GREEDY, prompt=b"hello", **more):
    return Request(id, tuple(prompt), max_tokens, sampling=sampling, **more)


def collect(engine, requests):
    """{id: ids} of any engine."""
    for request in requests:
        engine.submit(request)
    replies, left = {request.id: [] for request in requests}, len(requests)
    while left:
        for event in engine.step(1.0):
            if hasattr(event, "ids"):
                replies[event.id] += event.ids
            else:
                left -= 1
    engine.close()
    return replies


def test_the_bundled_model_says_what_it_says_with_transformers(bundled):
    tokenizer = load_tokenizer("llamacpp", str(bundled["F32"]))
    prompts = [tokenizer.render([Message("user", text)]) for text in SAID]
    requests = [Request(str(i), prompt, 100, tokenizer.stop_ids, GREEDY) for i, prompt in enumerate(prompts)]
    expected = collect(load(EngineOptions("transformers", str(BUNDLED), device="cpu", threads=1)), requests)
    for kind in ("F32", "F16"):
        options = EngineOptions("auto", str(bundled[kind]), device="cpu", dtype="float32", threads=1)
        assert collect(load(options), requests) == expected, kind


def test_a_quantised_model_runs_and_a_folder_names_its_only_file(bundled, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((BUNDLED / name).read_bytes())
    (folder / "m-Q8_0.gguf").write_bytes(bundled["Q8_0"].read_bytes())
    engine = load(EngineOptions("auto", str(folder), device="cpu"))
    assert (engine.limits.engine, engine.limits.steers, engine.limits.context) == ("llamacpp", True, 2048)
    assert len(collect(engine, [asking(max_tokens=9)])["a"]) == 9


def test_what_is_known_already_changes_nothing(engine):
    """Prefixes are copied, cut and shared in llama.cpp's memory."""
    prompts = [b"hello" * 20, b"hello" * 20 + b" again", b"hello" * 19 + b"hell!", b"hello" * 20]
    first = run(engine, *(asking(str(i), prompt=prompt) for i, prompt in enumerate(prompts)))
    for i, prompt in enumerate(prompts):
        assert run(engine, asking(str(i), prompt=prompt))[str(i)] == first[str(i)]
    assert engine.stats().cached_tokens > 300


def test_the_likeliest_alone_is_the_greedy_choice(engine):
    greedy = run(engine, asking())["a"]
    for limit in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}):
        assert run(engine, asking(sampling=Sampling(1.0, **limit, seed=3)))["a"] == greedy, limit


def test_what_is_banned_is_never_said_and_what_is_forced_is(engine):
    ids, _ = run(engine, asking())["a"]
    banned = frozenset(ids[:3])
    assert not set(run(engine, asking(banned_ids=banned))["a"][0]) & banned
    thought = ThoughtLimit(4, END, (70, 71, 72))
    assert run(engine, asking(thought=thought))["a"][0][:7] == [*ids[:4], 70, 71, 72]


def test_penalties_keep_it_from_saying_the_same(engine):
    plain = run(engine, asking(max_tokens=100))["a"][0]
    present = run(engine, asking(max_tokens=100, sampling=replace(GREEDY, presence_penalty=100.0)))["a"][0]
    assert len(set(plain)) < len(set(present)) == 100
    # Repetition counts the prompt too, presence what is new alone.
    prompt = [*range(256)]
    repeated = run(engine, asking(prompt=prompt, max_tokens=2, sampling=replace(GREEDY, repetition_penalty=1e6)))["a"][0]
    assert min(repeated) >= 256


def test_different_seeds_say_different_things_and_none_at_all_too(engine):
    def said(seed):
        return tuple(run(engine, asking(sampling=Sampling(1.0, 1.0, seed=seed)))["a"][0])

    assert said(1) == said(1)
    assert len({said(1), said(2), said(None), said(None)}) == 4


def test_a_prompt_longer_than_a_step_is_read_in_pieces(engine):
    assert len(run(engine, asking(prompt=bytes(range(250)) * 2, max_tokens=5))["a"][0]) == 5


def failure(options):
    with pytest.raises(EngineLoadFailed) as caught:
        load(options)
    return caught.value


def test_a_family_that_llama_cpp_does_not_know_is_said_in_its_words(options, tmp_path):
    model = make_tiny_model(tmp_path)
    values = {key.replace("qwen2.", "novel."): value for key, value in about(model).items()}
    folder = tmp_path / "novel"
    folder.mkdir()
    write_tokenizer(folder)
    write(folder / "a.gguf", {**values, "general.architecture": "novel"}, {})
    told = str(failure(replace(options, model=str(folder))))
    assert "unknown model architecture: 'novel'" in told
    assert f"→ companion model check {folder / 'a.gguf'}" in told


def test_weights_that_are_no_numbers_are_found_before_a_person_meets_them(options, tmp_path):
    model = make_tiny_model(tmp_path)
    file = write_tiny_gguf(tmp_path, model)
    data = bytearray(file.read_bytes())
    data[-4 * 64 :] = struct.pack("<f", float("nan")) * 64
    file.write_bytes(data)
    assert "NaN" in str(failure(replace(options, model=str(file))))


def test_what_does_not_fit_into_memory_is_said_and_may_heal(options, monkeypatch):
    monkeypatch.setattr("workers.engines.llamacpp.assembly.free_memory", lambda: 1 << 20)
    problem = failure(options)
    assert "are needed, and 1.0 MiB are free → choose a smaller one" in str(problem)
    assert problem.heals


def test_a_gpu_that_it_was_not_built_for_is_said(options):
    assert "was built without it" in str(failure(replace(options, device="cuda")))
