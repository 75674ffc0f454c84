from functools import cache

import pytest
import torch

from tests.tiny_models import make_tiny_model
from tests.workers.engines.paged.driving import KINDS, nothing
from workers.engines.base import EngineOptions
from workers.engines.paged import load


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """{kind: folder of a tiny checkpoint}"""
    made = {}
    for name, (kind, changes) in KINDS.items():
        made[name] = make_tiny_model(tmp_path_factory.mktemp(name), kind, **changes)
    return made


@pytest.fixture(scope="session")
def folder(folders):
    return folders["qwen2"]


@pytest.fixture(scope="session")
def models():
    """transformers' own model of a folder, in float32."""
    from transformers import AutoModelForCausalLM

    return cache(lambda folder: AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))


@pytest.fixture(scope="session")
def generate(models):
    """What transformers' `generate` says, greedy: (folder, prompt, number of tokens) -> ids."""

    def generate(folder, prompt, num):
        ids = models(folder).generate(torch.tensor([prompt]), max_new_tokens=num, do_sample=False, eos_token_id=None)
        return ids[0, len(prompt) :].tolist()

    return generate


@pytest.fixture(scope="session")
def likeliest(models):
    """What transformers would say in place of each of `ids`, at a fraction of the price of `generate`."""

    @torch.no_grad()
    def likeliest(folder, prompt, ids):
        logits = models(folder)(torch.tensor([[*prompt, *ids]])).logits[0]
        return logits[len(prompt) - 1 : -1].argmax(-1).tolist()

    return likeliest


@pytest.fixture
def start(monkeypatch):
    """An engine on a tiny checkpoint, with sizes of one's choice so that blocks and chunks are short and few."""
    from workers.engines.paged import assembly
    from workers.engines.paged.sizes import Sizes

    engines = []

    def start(folder, *, block=8, num_blocks=400, chunk=64, context=512, slots=32, ahead=0, **options):
        monkeypatch.setattr(assembly, "choose_sizes", lambda *_: Sizes(block, num_blocks, chunk, context, slots))
        engines.append(engine := load(EngineOptions("paged", str(folder), device="cpu", threads=1, **options), nothing))
        engine._ahead = ahead
        return engine

    yield start
    for engine in engines:
        engine.close()
