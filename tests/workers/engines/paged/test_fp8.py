"""Weights in 8 bits: what is rounded and how much that is, and that all ways to multiply by them agree."""

from dataclasses import replace

import pytest
import torch

from tests.workers.engines.paged.driving import nothing, run
from tests.workers.engines.written_out import KERNELS, MOST_ROWS
from workers import engines
from workers.engines import kernels
from workers.engines.base import EngineOptions, Request, Sampling
from workers.engines.errors import EngineLoadFailed
from workers.engines.paged import cuda, load
from workers.engines.paged import narrow as narrow_operations
from workers.engines.paged.weights import narrow

SAYINGS = [(259, 257, *range(i, i + 40), 258) for i in range(0, 120, 30)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_keeps_three_bits_of_its_values_whatever_its_size(dtype):
    torch.manual_seed(0)
    weight = (torch.randn(50, 300) * torch.logspace(-6, 3, 50)[:, None]).to(dtype)
    weight[7] = 0
    matrix = narrow(weight)
    wide = matrix.wide(dtype)

    assert (matrix.values.dtype, matrix.values.shape, matrix.scales.shape) == (torch.float8_e4m3fn, (50, 300), (50,))
    assert torch.equal(matrix.scales.log2(), matrix.scales.log2().round())
    error = (wide.double() - weight.double()).abs()
    # Half of the last of three bits; below 2^-6 of 448 steps are equal.
    assert (error <= (weight.double().abs() / 16).clamp(min=2.0**-10 * matrix.scales[:, None].double())).all()
    assert (error.norm(dim=1) <= 0.03 * weight.double().norm(dim=1)).all()
    assert torch.equal(wide.double(), matrix.values.double() * matrix.scales.double()[:, None]), "nothing is rounded twice"


@pytest.fixture
def narrowed(monkeypatch):
    """A machine that has what GPUs have for it."""
    monkeypatch.setattr(kernels, "has_fp8", lambda *_: True)
    return {"weights": "fp8"}


def test_a_model_in_8_bits_says_nearly_what_it_says_in_all(folder, start, narrowed, likeliest):
    asked = [Request(str(i), ids, 40, sampling=Sampling(0.0)) for i, ids in enumerate(SAYINGS)]
    replies = run(engine := start(folder, **narrowed), *asked)
    same = []
    for one in asked:
        ids = replies[one.id][0]
        same += [id == best for id, best in zip(ids, likeliest(folder, one.prompt, ids), strict=True)]

    assert {layer.down.values.dtype for layer in engine._runner._model._weights.layers} == {torch.float8_e4m3fn}
    assert engine._runner._model._weights.head.scales is None
    assert sum(same) > 0.6 * len(same)


def cannot(*_, **__):
    raise RuntimeError("no such instruction")


@pytest.mark.parametrize("runs", [True, False])
def test_where_products_in_8_bits_do_not_run_weights_are_made_wide_for_each(runs, folder, start, narrowed, monkeypatch, caplog):
    fast = KERNELS if runs else replace(KERNELS, multiply_narrow=cannot)
    monkeypatch.setattr(cuda, "find_kernels", lambda *_: fast)
    for most in ("_MOST_ROWS", "_MOST_GATED"):
        monkeypatch.setattr(narrow_operations, most, MOST_ROWS)
    monkeypatch.setattr(cuda, "make_capture", lambda: lambda launch: launch)
    asked = [Request(str(i), ids, 20, sampling=Sampling(0.0)) for i, ids in enumerate(SAYINGS)]
    replies = run(engine := start(folder, **narrowed), *asked)
    monkeypatch.setattr(cuda, "find_kernels", lambda *_: None)

    assert isinstance(engine._runner._model._do, narrow_operations.NarrowOperations) == runs
    assert ("Replies will be slower" in caplog.text) == (not runs)
    assert runs or replies == run(start(folder, **narrowed), *asked)


@pytest.mark.parametrize("engine", ["transformers", "llamacpp", "vllm"])
def test_other_engines_take_weights_as_they_are(engine, folder):
    with pytest.raises(EngineLoadFailed, match=f"The engine {engine}.*Take COMPANION_WEIGHTS=fp8 away"):
        engines.load(EngineOptions(engine, str(folder), device="cpu", weights="fp8"))


def test_where_there_is_no_such_gpu_it_is_said_what_to_type(folder):
    with pytest.raises(EngineLoadFailed, match=r"compute capability 8\.9.*Take COMPANION_WEIGHTS=fp8 away"):
        load(EngineOptions("paged", str(folder), device="cpu", weights="fp8"), nothing)
