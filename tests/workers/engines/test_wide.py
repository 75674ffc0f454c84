"""Weights of 16 bits on a CPU: made wide part by part, they give what torch gives, and closer to what is exact."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

from tests.tiny_models import make_tiny_model
from workers.engines import wide
from workers.engines.base import EngineOptions
from workers.engines.paged import load
from workers.engines.transformers.model import load_model
from workers.engines.wide import WideLinear, find_linear


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), "qwen2")


@pytest.fixture
def always(monkeypatch):
    """A CPU on which it is quicker."""
    monkeypatch.setattr(wide, "_seconds", lambda linear, dtype: linear is F.linear)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("part", [96, 100, 1000, 1 << 20])
@pytest.mark.parametrize(("rows", "outputs", "inputs"), [(8, 50, 48), (9, 1, 96), (33, 64, 17), (7, 50, 48), (1, 8, 8)])
def test_a_product_is_as_near_to_the_exact_one_as_16_bits_let_it_be(rows, outputs, inputs, part, dtype, monkeypatch):
    monkeypatch.setattr(wide, "_PART", part)
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(sides).to(dtype) for sides in ((rows, inputs), (outputs, inputs), (outputs,)))
    linear = WideLinear()
    for more in (None, bias):
        exact = F.linear(x.double(), weight.double(), None if more is None else more.double())
        product = linear(x, weight, more)
        assert (product.dtype, product.is_contiguous()) == (dtype, True)
        if rows >= 8:
            assert torch.equal(product, exact.to(dtype)) or (product.double() - exact).abs().max() <= 2e-2
        else:
            assert torch.equal(product, F.linear(x, weight, more))


def test_it_is_for_16_bits_on_a_cpu_that_is_slow_with_them(monkeypatch):
    for seconds, kind in ((2.0, WideLinear), (0.5, type(F.linear))):
        monkeypatch.setattr(wide, "_seconds", lambda linear, dtype, seconds=seconds: seconds if linear is F.linear else 1.0)
        assert isinstance(find_linear("cpu", torch.bfloat16), kind)
    monkeypatch.setattr(wide, "_seconds", lambda linear, dtype: linear is F.linear)
    assert find_linear("cpu", torch.float32) is F.linear
    assert find_linear("cuda", torch.bfloat16) is F.linear


def test_how_quick_either_is_can_be_told():
    assert all(0 < wide._seconds(linear, torch.bfloat16) < 10 for linear in (F.linear, WideLinear()))


@torch.no_grad()
def test_a_model_in_16_bits_is_no_further_from_32_bits_than_torch_brings_it(folder, always):
    ids = torch.arange(40)[None]
    exact = load_model(folder, EngineOptions(device="cpu", dtype="float32"))(ids).logits
    by_parts = load_model(folder, EngineOptions(device="cpu", dtype="bfloat16"))
    ours = by_parts(ids).logits.float()
    for module in by_parts.modules():
        module.__dict__.pop("forward", None)
    torchs = by_parts(ids).logits.float()

    assert not torch.equal(ours, torchs)
    assert (ours - exact).norm() < 1.1 * (torchs - exact).norm()


@torch.no_grad()
def test_the_paged_engine_multiplies_so_too(folder, always):
    engine = load(EngineOptions("paged", str(folder), device="cpu", dtype="bfloat16"), lambda stage, detail: None)
    assert isinstance(engine._runner._model._do._linear, WideLinear)
    engine.close()
