"""The choice of a token: exact, seeded, the same in any company."""

from collections import Counter

import pytest
import torch

from workers.engines.base import Request, Sampling
from workers.engines.paged import sampler as module
from workers.engines.paged.blocks import pack
from workers.engines.paged.sampler import Sampler
from workers.engines.paged.sequence import Sequence

VOCAB = 40
torch.manual_seed(3)
LOGITS = torch.randn(VOCAB) * 2


def place(sampler, slot, how, prompt=(0,), written=(), **request):
    sequence = Sequence(
        Request(str(slot), tuple(prompt), 99, sampling=how, **request), slot, how.seed or 0, pack([*prompt, *written])
    )
    sequence.slot = slot
    rows = torch.tensor(sampler.rows_of([sequence]), dtype=torch.int32)
    sampler.place([sequence], torch.tensor([slot]), rows)
    return sequence


def draw(how, num=4000, logits=LOGITS, in_graph=False, **request):
    """How often each token is drawn: as many positions as draws, in one launch."""
    sampler = Sampler(1, VOCAB, torch.device("cpu"))
    who = [place(sampler, 0, how, **request)]
    rows = torch.zeros(num, dtype=torch.int64)
    chosen = sampler.choose(logits.expand(num, -1).clone(), rows, torch.arange(num), None if in_graph else who)
    return Counter(chosen.tolist())


def exact(how):
    """The probabilities by definition: sort, add up, cut."""
    probabilities = (LOGITS / how.temperature).softmax(-1).double()
    order = probabilities.argsort(descending=True)
    before = probabilities[order].cumsum(0) - probabilities[order]
    keep = (before < how.top_p) & (torch.arange(VOCAB) < (how.top_k or VOCAB))
    keep &= probabilities[order] >= how.min_p * probabilities.max()
    allowed = torch.zeros(VOCAB, dtype=torch.double)
    allowed[order[keep]] = probabilities[order[keep]]
    return allowed / allowed.sum()


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize(
    "how",
    [
        Sampling(1.0, 1.0),
        Sampling(0.6, 0.95),
        Sampling(1.5, 0.5),
        Sampling(1.0, 0.9, top_k=7),
        Sampling(2.0, 1.0, top_k=3),
        Sampling(1.0, 1.0, min_p=0.1),
        Sampling(1.3, 0.8, 10, min_p=0.05),
    ],
    ids=str,
)
def test_draws_follow_the_exact_distribution(how, in_graph):
    """Chi-square, with a bound that chance alone exceeds once in about 10^6."""
    num = 8000
    drawn, expected = draw(how, num, in_graph=in_graph), exact(how) * num
    ids = [id for id in range(VOCAB) if expected[id] >= 5]
    rare = [id for id in range(VOCAB) if 0 < expected[id] < 5]
    degrees = len(ids) - 1
    distance = sum((drawn[id] - expected[id]) ** 2 / expected[id] for id in ids)

    assert not [id for id in drawn if expected[id] == 0]
    assert sum(drawn[id] for id in rare) <= 10 + 3 * sum(expected[id] for id in rare)
    assert distance < degrees + 5 * (2 * degrees) ** 0.5 + 20


def test_a_tiny_nucleus_is_greedy_and_a_top_p_of_one_is_everything():
    assert set(draw(Sampling(1.0, 1e-9))) == {int(LOGITS.argmax())}
    assert set(draw(Sampling(1.0, 0.0))) == {int(LOGITS.argmax())}
    assert set(draw(Sampling(1000.0, 1.0))) == set(range(VOCAB))


def test_greedy_takes_the_first_of_equal_bests():
    assert draw(Sampling(0.0), logits=torch.zeros(VOCAB)) == {0: 4000}


def test_a_seed_makes_its_own_chance_whatever_stands_beside_and_in_which_row():
    sampler = Sampler(5, VOCAB, torch.device("cpu"))
    how = Sampling(1.0, 0.95, seed=7)
    who = [place(sampler, slot, how if slot in (1, 4) else Sampling(1.0, 0.5, seed=slot)) for slot in range(5)]
    rows, same = torch.arange(5), [1, 4]
    together = [sampler.choose(LOGITS.expand(5, -1), rows, torch.full((5,), n), who).tolist() for n in range(50)]
    alone = [sampler.choose(LOGITS[None], rows[4:], torch.tensor([n]), who[4:]).tolist()[0] for n in range(50)]

    assert [[step[slot] for slot in same] for step in together] == [[id, id] for id in alone]
    assert len(set(alone)) > 5


def test_banned_ids_are_never_chosen():
    best = LOGITS.argsort(descending=True).tolist()

    assert draw(Sampling(0.0), banned_ids=frozenset(best[:3])) == {best[3]: 4000}
    assert not set(draw(Sampling(1.5, 1.0), banned_ids=frozenset({0, 5}))) & {0, 5}
    assert set(draw(Sampling(1.5, 1.0), num=20_000, banned_ids=frozenset({5}))) >= set(best[:10]) - {5}


def test_a_forced_id_is_chosen_once_whatever_is_likely():
    sampler = Sampler(2, VOCAB, torch.device("cpu"))
    who = [place(sampler, slot, Sampling(0.0), banned_ids=frozenset({9})) for slot in range(2)]
    sampler.force({1: 9})
    best = int(LOGITS.argmax())
    choices = [sampler.choose(LOGITS.expand(2, -1), torch.arange(2), torch.arange(2), who).tolist() for _ in range(2)]

    assert choices == [[best, 9], [best, best]]


def test_penalties_are_those_of_transformers_and_of_openai():
    """Repetition: prompt and reply, divided or multiplied. Presence: the reply alone, subtracted; also for what comes now."""
    sampler = Sampler(2, VOCAB, torch.device("cpu"))
    logits = torch.zeros(VOCAB)
    logits[:4] = torch.tensor([3.0, 2.9, 2.8, 2.0])
    plain = place(sampler, 0, Sampling(0.0), prompt=[0], written=[1])
    repeated = place(sampler, 1, Sampling(0.0, repetition_penalty=1.5), prompt=[0], written=[1])
    who, rows = [plain, repeated], torch.arange(2)
    assert [sampler.choose(logits.expand(2, -1), rows, rows, who).tolist() for _ in range(3)] == [[0, 2], [0, 0], [0, 0]]
    # 0 and 1 are at 2.0 and 1.93; 2 comes to 1.87 once it is written; 3 is as good as 0, which is the first.

    present = place(sampler, 1, Sampling(0.0, presence_penalty=0.5), prompt=[0], written=[1])
    chosen = [sampler.choose(logits.expand(2, -1), rows, rows, [plain, present]).tolist()[1] for _ in range(4)]
    assert chosen == [0, 2, 0, 0]


def test_a_row_that_is_no_number_says_so_and_the_others_are_chosen():
    sampler = Sampler(3, VOCAB, torch.device("cpu"))
    who = [place(sampler, slot, Sampling(1.0, 0.9)) for slot in range(3)]
    logits = LOGITS.repeat(3, 1)
    logits[0, 3], logits[2] = float("nan"), float("inf")

    chosen = sampler.choose(logits, torch.arange(3), torch.arange(3), who).tolist()
    assert (chosen[0], chosen[2]) == (-1, -1)
    assert chosen[1] >= 0


def test_a_graph_that_runs_out_of_draws_takes_the_likeliest(monkeypatch):
    monkeypatch.setattr(module, "ROUNDS", 1)

    assert set(draw(Sampling(5.0, 0.2), in_graph=True)) <= set(draw(Sampling(5.0, 0.2)))
