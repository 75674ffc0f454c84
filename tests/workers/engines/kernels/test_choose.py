"""The kernels choose what the sampler chooses without them, row by row."""

import pytest
import torch

from tests.workers.engines.kernels.conftest import DEVICE
from workers.engines.base import Request, Sampling
from workers.engines.paged.blocks import pack
from workers.engines.paged.sampler import Sampler
from workers.engines.paged.sequence import Sequence

# Triton's interpreter computes with numpy, which warns where a part has nothing to choose from.
pytestmark = pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
VOCAB = 151_936 if DEVICE == "cuda" else 600
HOWS = [
    Sampling(0.0),
    Sampling(0.6, 0.95, seed=1),
    Sampling(1.5, 0.5, seed=2),
    Sampling(1.0, 0.9, top_k=7, seed=3),
    Sampling(2.0, 1.0, top_k=3, seed=5),
    Sampling(1.0, 1.0, min_p=0.1, seed=7),
    Sampling(1.0, 1e-9, seed=8),
    Sampling(1.3, 0.8, 10, min_p=0.05, seed=9),
    Sampling(0.0, repetition_penalty=2.0),
    Sampling(1.0, 0.95, seed=4, repetition_penalty=1.3, presence_penalty=0.7),
    Sampling(1.0, 0.5, seed=6, presence_penalty=-0.7),
]


@pytest.fixture
def sampler():
    """Without the kernels, and the sequences in its slots; every other one has banned ids, all have read and written."""
    sampler = Sampler(len(HOWS), VOCAB, torch.device(DEVICE))
    who = []
    for slot, how in enumerate(HOWS):
        prompt, written = range(0, VOCAB, 3), range(0, VOCAB, 4)
        request = Request(str(slot), tuple(prompt), 99, sampling=how, banned_ids=frozenset({3, 9, 200} if slot % 2 else ()))
        who.append(Sequence(request, slot, how.seed or 0, pack([*prompt, *written]), slot))
        rows = torch.tensor(sampler.rows_of([who[-1]]), dtype=torch.int32, device=DEVICE)
        sampler.place([who[-1]], torch.tensor([slot], device=DEVICE), rows)
    return sampler, who


@pytest.fixture
def both(sampler, kernel, monkeypatch):
    """(logits, step) -> what the sampler chooses, what the kernels choose."""
    plain, who = sampler
    module = kernel("choose")
    if DEVICE == "cpu":
        monkeypatch.setattr(module, "PART", 128)
        monkeypatch.setattr(module, "WIDE", 256)
        monkeypatch.setattr(module, "SMALL_PART", 64)

    def both(logits, step):
        rows = torch.randperm(len(HOWS), device=DEVICE)
        num_tokens = torch.full((len(HOWS),), 50 + step, device=DEVICE)
        forced, seen = plain._forced.clone(), plain._seen.clone()
        expected = plain.choose(logits.clone(), rows, num_tokens, [who[row] for row in rows.tolist()])
        chosen = module.choose(logits.clone(), rows, num_tokens, plain._floats, plain._ints, forced, seen)
        assert torch.equal(forced, plain._forced)
        assert torch.equal(seen, plain._seen)
        return expected.tolist(), chosen.tolist()

    torch.manual_seed(0)
    return both


def logits():
    return 2 * torch.randn(len(HOWS), VOCAB, device=DEVICE)


def test_few_rows_are_cut_into_smaller_parts_and_choose_the_same(both, kernel, monkeypatch):
    monkeypatch.setattr(kernel("choose"), "FEW_ROWS", len(HOWS))
    expected, chosen = both(logits(), 0)
    assert chosen == expected


def test_they_choose_the_same(both):
    for step in range(20 if DEVICE == "cuda" else 4):
        expected, chosen = both(logits(), step)
        assert chosen == expected


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_no_number_is_told(both):
    broken = logits()
    broken[0, 7], broken[1], broken[2, 5], broken[3, 5] = float("nan"), float("-inf"), float("inf"), float("-inf")
    expected, chosen = both(broken, 0)

    assert chosen == expected
    assert [id < 0 for id in chosen] == [True, True, True, *[False] * (len(HOWS) - 3)]


def test_only_who_has_a_penalty_has_marks(both, sampler):
    before = sampler[0]._seen.sum(1)
    both(logits(), 0)
    assert [bool(row.any()) for row in sampler[0]._seen] == [*[False] * 8, *[True] * 3, False]
    assert (sampler[0]._seen.sum(1) >= before).all()


def test_what_is_forced_comes_once(both, sampler):
    sampler[0].force({3: 77})
    expected, chosen = both(logits(), 0)
    assert chosen == expected
    assert chosen.count(77) == 1
    assert 77 not in both(logits(), 1)[1]
