"""Greedy is what transformers says, token by token, whatever else the engine has to do at the same time."""

import random
import shutil

import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.workers.checkpoints.makers import edit
from tests.workers.engines.paged.driving import KINDS, assert_nothing_leaks, run
from workers.engines.base import Request, Sampling
from workers.engines.paged.config import read_config
from workers.engines.paged.weights import load_weights
from workers.models import BUNDLED

GREEDY = Sampling(temperature=0.0)
PROMPTS = [[259, 257, *range(i, i + 23 * i), 258] for i in range(1, 8)] + [[i % 250 for i in range(300)]]


def asking(name, prompt, num):
    return Request(str(name), tuple(prompt), num, sampling=GREEDY)


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_alone_and_in_a_batch_with_chunks(kind, ahead, folders, start, generate, likeliest):
    engine = start(folders[kind], ahead=ahead)
    replies = run(engine, *[asking(i, prompt, 40) for i, prompt in enumerate(PROMPTS)])

    for i, prompt in enumerate(PROMPTS):
        assert (ids := replies[str(i)][0]) == likeliest(folders[kind], prompt, ids)
    assert run(engine, asking(3, PROMPTS[3], 40))["3"][0] == replies["3"][0] == generate(folders[kind], PROMPTS[3], 40)
    assert_nothing_leaks(engine)


def test_the_bundled_model(start, generate):
    dice = random.Random(0)
    prompts = [[dice.randrange(6000) for _ in range(num)] for num in (5, 70, 150)]
    engine = start(BUNDLED, context=256, block=16)
    replies = run(engine, *[asking(i, prompt, 30) for i, prompt in enumerate(prompts)])

    assert [replies[str(i)][0] for i in range(3)] == [generate(BUNDLED, prompt, 30) for prompt in prompts]


def test_a_head_of_its_own_is_used_though_the_config_says_that_it_is_tied(folder, tmp_path, start, generate):
    """Who trains the head of a tied model and merges it leaves such a checkpoint; transformers unties the two then."""
    model = shutil.copytree(folder, tmp_path / "model")
    edit(model / "config.json", tie_word_embeddings=True)
    engine = start(model)

    assert run(engine, asking(3, PROMPTS[3], 40))["3"][0] == generate(model, PROMPTS[3], 40) == generate(folder, PROMPTS[3], 40)


def test_a_head_that_is_the_embedding_is_kept_once(folders, tmp_path):
    model = shutil.copytree(folders["tied"], tmp_path / "model")
    tensors = load_file(model / "model.safetensors")
    save_file(tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].copy()}, model / "model.safetensors")
    weights = load_weights(model, read_config(model).shape, "cpu", torch.float32)

    assert weights.head.values is weights.embedding


@pytest.mark.parametrize("ahead", [0, 1])
def test_what_is_known_is_read_from_the_cache(ahead, folder, start, likeliest):
    engine = start(folder, ahead=ahead)
    beginning = list(range(100))
    run(engine, asking("first", beginning, 20))
    num_cached = engine._scheduler.num_cached_tokens
    prompts = [[*beginning, 1, 2, 3], beginning[:64], beginning[:63], [*beginning[:50], 9, *beginning[51:]], beginning]
    replies = run(engine, *[asking(i, prompt, 20) for i, prompt in enumerate(prompts)])

    for i, prompt in enumerate(prompts):
        assert (ids := replies[str(i)][0]) == likeliest(folder, prompt, ids)
    # The last token of a prompt is always computed, and a block counts only if it is whole.
    assert engine._scheduler.num_cached_tokens - num_cached == 96 + 56 + 56 + 48 + 96


@pytest.mark.parametrize("ahead", [0, 1])
def test_with_too_few_blocks_the_younger_are_set_back_and_say_the_same(ahead, folder, start, likeliest):
    engine = start(folder, ahead=ahead, num_blocks=40, context=256)
    prompts = [[i, *range(40)] for i in range(6)]
    replies = run(engine, *[asking(i, prompt, 80) for i, prompt in enumerate(prompts)])

    assert engine._scheduler.num_preempted > 2
    for i, prompt in enumerate(prompts):
        assert (ids := replies[str(i)][0]) == likeliest(folder, prompt, ids)
    assert_nothing_leaks(engine)


@pytest.mark.parametrize("seed", range(6))
def test_any_mixture(seed, folder, start, likeliest):
    """Requests come and go at any moment, share beginnings, are cut by chunks, set back, cancelled: same words."""
    dice = random.Random(seed)
    engine = start(folder, ahead=seed % 2, num_blocks=dice.choice([40, 80]), chunk=dice.choice([16, 50]), slots=5, context=300)
    texts = [[dice.randrange(250) for _ in range(120)] for _ in range(3)]
    asked, cancelled = {}, set()

    def act(step, replies):
        if len(asked) < 25 and dice.random() < 0.3:
            text = dice.choice(texts)
            prompt = text[: dice.randint(1, 120)] + [dice.randrange(250)] * dice.randint(0, 3)
            asked[str(len(asked))] = request = asking(len(asked), prompt, dice.choice([1, 5, 60]))
            engine.submit(request)
        if asked and dice.random() < 0.05:
            cancelled.add(id := dice.choice(list(asked)))
            engine.cancel(id)

    first = asking("first", texts[0], 180)
    replies = run(engine, first, act=act)
    while len(asked) < 25:
        replies |= run(engine, asking("more", texts[1], 5), act=act)

    for id, request in {"first": first, **asked}.items():
        ids, end = replies[id]
        assert end.reason == "length" or (end.reason, id in cancelled) == ("cancelled", True)
        assert ids == likeliest(folder, request.prompt, ids)
        assert end.reason == "cancelled" or len(ids) == request.max_tokens
    assert_nothing_leaks(engine)


@pytest.mark.parametrize("ahead", [0, 1])
def test_what_several_that_come_at_once_begin_with_is_read_once(ahead, folder, start, likeliest):
    engine = start(folder, ahead=ahead, chunk=64)
    prompts = [[*range(100), *range(i, i + 10 + 7 * i)] for i in range(8)]
    replies = run(engine, *[asking(i, prompt, 20) for i, prompt in enumerate(prompts)])

    for i, prompt in enumerate(prompts):
        assert (ids := replies[str(i)][0]) == likeliest(folder, prompt, ids)
    # The second reads beside the first, all others after it.
    assert engine._scheduler.num_cached_tokens >= 6 * 96
    assert_nothing_leaks(engine)
