"""What stands around a layer's products, and the products of a single row, beside the same in double precision."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

from tests.workers.engines.kernels.conftest import DEVICE

EPS = 1e-6
SIZES = [(96, 40), (640, 200)] + ([(1536, 4100)] if DEVICE == "cuda" else [])


def normed(x, weight):
    return F.rms_norm(x.double(), weight.shape, weight.double(), EPS)


@pytest.mark.parametrize(("width", "outputs"), SIZES)
def test_a_row_is_multiplied_with_the_norm_before_and_the_bias_after(width, outputs, kernel, draw, assert_close):
    x, weight, norm, bias = draw(1, width), draw(outputs, width), draw(width), draw(outputs)
    expected = normed(x, norm) @ weight.double().T

    multiply_row = kernel("dense").multiply_row
    assert_close(multiply_row(x, weight, norm=(norm, EPS), bias=bias), expected + bias.double())
    assert_close(multiply_row(x, weight, norm=(norm, EPS)), expected)
    assert_close(multiply_row(x, weight), x.double() @ weight.double().T)


@pytest.mark.parametrize(("width", "outputs"), SIZES)
def test_a_product_is_added_in_place(width, outputs, kernel, draw, assert_close):
    x, weight, hidden = draw(1, width), draw(outputs, width), draw(1, outputs)
    expected = hidden.double() + x.double() @ weight.double().T

    assert kernel("dense").multiply_row(x, weight, add_to=hidden) is hidden
    assert_close(hidden, expected)


@pytest.mark.parametrize(("width", "outputs"), SIZES)
def test_gates_are_multiplied_with_the_other_half(width, outputs, kernel, draw, assert_close):
    x, weight, norm = draw(1, width), draw(2 * outputs, width), draw(width)
    gate, up = (normed(x, norm) @ weight.double().T).chunk(2, dim=-1)

    assert_close(kernel("dense").multiply_row(x, weight, norm=(norm, EPS), gated=True), F.silu(gate) * up)


@pytest.mark.parametrize(("width", "outputs"), SIZES)
def test_weights_in_8_bits_are_multiplied_by_their_scales(width, outputs, kernel, draw, assert_close):
    x, norm, bias = draw(1, width), draw(width), draw(outputs)
    weight, scales = draw(2 * outputs, width).to(torch.float8_e4m3fn), draw(2 * outputs).float().abs() / width
    exact = weight.double() * scales[:, None].double()
    gate, up = (normed(x, norm) @ exact.T).chunk(2, dim=-1)

    multiply_row = kernel("dense").multiply_row
    assert_close(multiply_row(x, weight, norm=(norm, EPS), gated=True, scales=scales), F.silu(gate) * up)
    part = multiply_row(x, weight[:outputs], bias=bias, scales=scales[:outputs])
    assert_close(part, x.double() @ exact[:outputs].T + bias.double())


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("width", [40, 1536])
def test_norms_and_gates_of_many_rows(rows, width, kernel, draw, assert_close):
    both, weight = draw(rows, 2 * width), draw(2 * width)
    gate, up = both.double().chunk(2, dim=-1)

    assert_close(kernel("dense").norm(both, weight, EPS), normed(both, weight))
    assert_close(kernel("dense").silu_mul(both), F.silu(gate) * up)
