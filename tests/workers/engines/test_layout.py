"""How weights lie in memory: another way where it is quicker, and never another number."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_models import make_tiny_model
from workers.checkpoints.families import Shape
from workers.engines import layout
from workers.engines.base import EngineOptions
from workers.engines.layout import lay
from workers.engines.paged.weights import load_weights
from workers.engines.transformers.model import load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), "qwen2")


@pytest.fixture(params=[True, False], ids=["quicker", "slower"])
def quicker(request, monkeypatch):
    """A CPU on which it is, or is not, quicker to go input by input."""
    layout._is_quicker_by_inputs.cache_clear()
    by_inputs = 1.0 if request.param else 3.0
    monkeypatch.setattr(layout, "_seconds", lambda weights: 2.0 if weights[0].is_contiguous() else by_inputs)
    yield request.param
    layout._is_quicker_by_inputs.cache_clear()


def test_a_weight_of_many_outputs_lies_by_inputs_where_that_is_quicker(quicker):
    weight = torch.randn(48, 16)
    laid = lay(weight)
    assert torch.equal(laid, weight)
    assert laid.stride() == ((1, 48) if quicker else (16, 1))


@pytest.mark.parametrize("weight", [torch.randn(16, 48), torch.randn(16, 16), torch.randn(48, 16).bfloat16()])
def test_weights_of_few_outputs_and_of_16_bits_stay_as_they_are(weight, quicker):
    assert lay(weight) is weight


def test_a_gain_that_may_be_chance_changes_nothing(monkeypatch):
    layout._is_quicker_by_inputs.cache_clear()
    monkeypatch.setattr(layout, "_seconds", lambda weights: 2.0 if weights[0].is_contiguous() else 1.9)
    assert lay(weight := torch.randn(40, 10)) is weight
    layout._is_quicker_by_inputs.cache_clear()


def test_of_a_large_weight_only_a_part_is_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(layout, "_seconds", lambda weights: tried.extend(weights) or 1.0)
    layout._is_quicker_by_inputs.__wrapped__(150_000, 1536)
    assert {weight.shape[1] for weight in tried} == {1536}
    assert sum(weight.numel() for weight in tried) <= 2 * layout._READ


def test_how_quick_either_is_can_be_told():
    weights = [*torch.ones(2, 300, 100)]
    assert all(0 < layout._seconds(some) < 10 for some in (weights, [weight.T.contiguous().T for weight in weights]))


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 33))
def test_products_are_the_same_either_way(rows, outputs, inputs):
    x, weight = torch.randn(rows, inputs), torch.randn(outputs, inputs)
    assert torch.allclose(F.linear(x, layout._by_inputs(weight)), F.linear(x, weight), atol=1e-4)


@torch.no_grad()
def test_a_model_says_the_same_whichever_way_its_weights_lie(folder, monkeypatch):
    ids, said = torch.arange(40)[None], []
    for is_quicker in (True, False):
        monkeypatch.setattr(layout, "_is_quicker_by_inputs", lambda outputs, inputs, it=is_quicker: it)
        model = load_model(folder, EngineOptions(device="cpu", dtype="float32"))
        assert model.lm_head.weight.is_contiguous() is not is_quicker
        said.append(model(ids).logits)
    assert torch.allclose(*said, atol=1e-4)


def test_an_embedding_that_is_the_head_as_well_is_kept_once(tmp_path, quicker):
    folder = make_tiny_model(tmp_path, "qwen2", tie_word_embeddings=True)
    model = load_model(folder, EngineOptions(device="cpu", dtype="float32"))
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    weights = load_weights(folder, Shape.of_config(model.config.to_dict()), "cpu", torch.float32)
    assert weights.head.values is weights.embedding
    assert weights.head.values.is_contiguous() is not quicker
