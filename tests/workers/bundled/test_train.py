import os
import shutil
from contextlib import closing
from dataclasses import replace
from multiprocessing import active_children

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from workers.bundled.train import checkpoint, train
from workers.bundled.train.loader import batches, chunk
from workers.bundled.train.muon import Muon, orthogonal
from workers.bundled.train.recipe import SMALL
from workers.bundled.train.tokenizer import FOLDER
from workers.bundled.train.train import Trainer, build, rate_at

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


def test_a_paused_run_saves_what_it_has_learnt(batch, tmp_path):
    first = Trainer(TINY, build(TINY, FOLDER), "cpu")
    first.run(iter([batch] * 9), tmp_path, minutes=0)
    second = Trainer(TINY, build(TINY, FOLDER), "cpu")
    second.resume(tmp_path)
    assert second.step == first.step == 1
    assert second.progress == first.progress


@pytest.mark.parametrize(("option", "said"), [("--resume", "no checkpoint in"), ("--again", "no weights in")])
def test_who_goes_on_from_nothing_is_told_what_is_missing(tmp_path, capsys, option, said):
    with pytest.raises(SystemExit):
        train.main(["--small", "--out", str(tmp_path), "--work", str(tmp_path), option])
    assert f"{said} {tmp_path} -> " in capsys.readouterr().err


def released(folder):
    return load_file(folder / "model.safetensors")


def test_the_last_part_once_more_releases_the_mean_of_both_ends(tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    where = ["--small", "--steps", "8", "--out", str(tmp_path), "--work", str(tmp_path / "work")]
    recipe = replace(SMALL, steps=8, again=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "SMALL", recipe)
        train.main(where)
        first = released(tmp_path)
        train.main([*where, "--again", "--pause", "0"])
        assert all(torch.equal(weights, first[name]) for name, weights in released(tmp_path).items())
        train.main([*where, "--again", "--resume"])
    second = Trainer(recipe, build(recipe, tmp_path), "cpu")
    second.resume(tmp_path / "work")
    for name, mean in released(tmp_path).items():
        last = second.model.get_parameter(name).detach()
        assert not torch.equal(last.bfloat16(), first[name])
        assert torch.allclose(mean.float(), (last + first[name].float()) / 2, rtol=0.01, atol=1e-4)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata()["steps"] == "8+4"


def test_muon_steps_as_torch_does_one_by_one():
    rng = torch.Generator().manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape, generator=rng)) for shape in ((32, 32), (16, 32), (32, 32), (48, 32))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    before = [p.detach().clone() for p in ours]
    steps = [Muon(ours, 0.1, 0.1), torch.optim.Muon(theirs, lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")]
    for _ in range(3):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(p.shape, generator=rng)
            q.grad = p.grad.clone()
        for optimizer in steps:
            optimizer.step()
    for p, q, old in zip(ours, theirs, before, strict=True):
        assert (p - q).norm() < 0.05 * (p - old).norm()  # both compute in bf16


def test_an_orthogonal_update_weighs_all_directions_alike():
    found = torch.linalg.svdvals(orthogonal(torch.randn(2, 8, 32, generator=torch.Generator().manual_seed(1))).float())
    assert found.min() > 0.5
    assert found.max() < 1.4


def test_the_rate_rises_stays_and_falls_to_nothing():
    assert rate_at(0, 0.0, SMALL) < SMALL.rate
    assert rate_at(500, 0.5, SMALL) == SMALL.rate
    assert rate_at(1000, 1.0, SMALL) == 0.0


def test_batches_are_of_the_size_asked_for_and_the_same_for_a_seed(batch):
    again = chunk("test", FOLDER, 1024, 16)[0]
    assert batch.ids.size <= 2048
    assert (batch.ids == again.ids).all()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities of processes here")
def test_who_makes_dialogues_lets_the_process_that_trains_go_first():
    with closing(batches("test", FOLDER, num_tokens=1024, num_processes=1, num_dialogues=16)) as source:
        next(source)
        (maker,) = active_children()
        assert os.getpriority(os.PRIO_PROCESS, maker.pid) > os.getpriority(os.PRIO_PROCESS, 0)
