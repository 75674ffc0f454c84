"""What is around the layers of a launch, in one launch of its own each."""

from itertools import accumulate

import pytest
import torch

from tests.workers.engines import written_out
from tests.workers.engines.kernels.conftest import DEVICE

PAGE, SLOTS, COLUMNS = 8, 9, 30
# New tokens and tokens in all, of each chunk of a launch.
LAUNCHES = {
    "one": [(5, 5)],
    "several": [(1, 1), (7, 20), (8, 8), (16, 200), (2, 9)],
    "the whole context": [(3, 240)],
    "nothing but padding": [],
    "many": [(1, 17)] * 40,
}


@pytest.fixture
def tables():
    torch.manual_seed(0)
    return torch.randint(1, 1000, (SLOTS + 1, COLUMNS), dtype=torch.int32, device=DEVICE)


@pytest.mark.parametrize("columns_at_once", [16, 256])
def test_a_step_finds_what_each_row_needs(columns_at_once, kernel, tables, monkeypatch):
    module = kernel("slots")
    monkeypatch.setattr(module, "_COLUMNS", columns_at_once)
    tokens = torch.tensor([5, -1, 7, 8, 9, 10, 11, 12, 13, 14], device=DEVICE)
    lengths = torch.tensor([0, 1, 7, 8, 9, 200, 239, 240, 16, -1], device=DEVICE)
    rows = torch.tensor([3, 1, 9, 9, 0, 7, 6, 5, 2, 9], device=DEVICE)
    *numbers, found = module.look_up(rows, tokens, lengths, tables, PAGE)
    *expected, blocks = written_out.look_up(rows, tokens, lengths, tables, PAGE)

    assert [some.tolist() for some in numbers] == [some.tolist() for some in expected]
    for length, ours, theirs in zip(numbers[1].tolist(), found, blocks, strict=True):
        num = min(length // PAGE + 1, COLUMNS)
        assert ours[:num].tolist() == theirs[:num].tolist()


@pytest.mark.parametrize("name", LAUNCHES)
def test_a_reading_finds_places_and_turns_of_new_tokens_and_the_blocks_of_each_chunk(name, kernel, tables):
    chunks = LAUNCHES[name]
    ends = [torch.tensor([0, *accumulate(chunk[side] for chunk in chunks), 0], device=DEVICE) for side in (0, 1)]
    for some in ends:
        some[-1] = some[-2]
    slots = torch.tensor([*(i % SLOTS for i in range(len(chunks))), SLOTS], device=DEVICE)
    rope = torch.randn(PAGE * COLUMNS, 2, 1, 24, device=DEVICE)
    num = int(ends[0][-1]) + 5
    turns, places, found, *ours = kernel("slots").plan(slots, *ends, tables, rope, PAGE, num)
    expected_turns, expected_places, blocks, *theirs = written_out.plan(slots, *ends, tables, rope, PAGE, num)

    assert turns.equal(expected_turns)
    assert places.tolist() == expected_places.tolist()
    assert [(some.dtype, some.tolist()) for some in ours] == [(some.dtype, some.tolist()) for some in theirs]
    for (_, num_all), one, other in zip(chunks, found, blocks, strict=False):
        assert one[: -(-num_all // PAGE)].tolist() == other[: -(-num_all // PAGE)].tolist()


@pytest.mark.parametrize("num", [1, 7, 300])
def test_what_was_chosen_is_kept(num, kernel):
    tokens, lengths = torch.zeros(num + 1, dtype=torch.int64, device=DEVICE), torch.full((num + 1,), -1, device=DEVICE)
    rows = torch.randperm(num, device=DEVICE)
    chosen, num_tokens = torch.arange(num, device=DEVICE) * 3, torch.arange(num, device=DEVICE) + 1
    kernel("slots").keep(rows, chosen, num_tokens, tokens, lengths)

    assert tokens[rows].equal(chosen)
    assert lengths[rows].equal(num_tokens)
    assert (tokens[num], lengths[num]) == (0, -1)
