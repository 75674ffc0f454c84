from dataclasses import replace

import pytest
import torch

from workers.bundled.train import checkpoint
from workers.bundled.train.loader import chunk
from workers.bundled.train.tokenizer import FOLDER
from workers.bundled.train.train import SMALL, Trainer, build, rate_at

TINY = replace(SMALL, hidden=32, layers=1, heads=2, inner=64, warm_up=2, steps=40, rate=1e-2)


@pytest.fixture(scope="module")
def batch():
    return chunk("test", FOLDER, 1024, 16)[0]


def test_the_loss_goes_down(batch):
    trainer = Trainer(TINY, build(TINY, FOLDER), "cpu")
    losses = [trainer.learn(batch).item() for _ in range(25)]
    assert losses[-1] < losses[0] - 2


def test_a_resumed_run_goes_on_where_it_was(batch, tmp_path):
    first = Trainer(TINY, build(TINY, FOLDER), "cpu")
    for _ in range(3):
        first.learn(batch)
    checkpoint.save(first.model, first.optimizers, first.step, tmp_path)
    second = Trainer(TINY, build(replace(TINY, seed=9), FOLDER), "cpu")
    second.learn(batch)
    second.step = checkpoint.load(second.model, second.optimizers, tmp_path)
    assert second.step == 3
    assert first.learn(batch).item() == pytest.approx(second.learn(batch).item())
    for ours, theirs in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_rate_rises_stays_and_falls_to_nothing():
    assert rate_at(0, 0.0, SMALL) < SMALL.rate
    assert rate_at(500, 0.5, SMALL) == SMALL.rate
    assert rate_at(1000, 1.0, SMALL) == 0.0


def test_batches_are_of_the_size_asked_for_and_the_same_for_a_seed(batch):
    again = chunk("test", FOLDER, 1024, 16)[0]
    assert batch.ids.size <= 2048
    assert (batch.ids == again.ids).all()
