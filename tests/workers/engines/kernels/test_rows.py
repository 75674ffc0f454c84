"""Products of a few rows beside the same in double precision."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

from tests.workers.engines.kernels.conftest import DEVICE, DTYPE
from workers.engines import kernels

EPS = 1e-6
# Outputs and inputs that fill tiles and such that do not; on a GPU as large as a layer's.
SIZES = [(40, 96), (128, 768)] + ([(1536, 8960), (1544, 4104)] if DEVICE == "cuda" else [])
ROWS = [2, 5, 16] + ([33, 64] if DEVICE == "cuda" else [])


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("outputs", "width"), SIZES)
def test_rows_are_multiplied_with_the_bias_after(rows, outputs, width, kernel, draw, assert_close):
    x, weight, bias = draw(rows, width), draw(outputs, width), draw(outputs)
    expected = x.double() @ weight.double().T

    multiply_rows = kernel("rows").multiply_rows
    assert_close(multiply_rows(x, weight), expected)
    assert_close(multiply_rows(x, weight, bias=bias), expected + bias.double())


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("outputs", "width"), SIZES)
def test_gates_of_rows_are_multiplied_with_the_other_half(rows, outputs, width, kernel, draw, assert_close):
    x, weight = draw(rows, width) / width**0.5, draw(2 * outputs, width)
    gate, up = (x.double() @ weight.double().T).chunk(2, dim=-1)

    assert_close(kernel("rows").multiply_rows(x, weight, gated=True), F.silu(gate) * up)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("outputs", "width"), SIZES)
def test_a_product_is_added_and_then_comes_the_norm(rows, outputs, width, kernel, draw, assert_close):
    x, weight, bias, norm = draw(rows, width), draw(outputs, width), draw(outputs), draw(outputs)
    hidden = draw(rows, outputs)
    sums = hidden.double() + x.double() @ weight.double().T
    biased = sums + bias.double() + x.double() @ weight.double().T

    add_rows = kernel("rows").add_rows
    assert add_rows(hidden, x, weight) is None
    assert_close(hidden, sums)
    normed = add_rows(hidden, x, weight, bias=bias, norm=(norm, EPS))
    assert_close(hidden, biased)
    assert_close(normed, F.rms_norm(biased, norm.shape, norm.double(), EPS))


def test_tried_out_they_run(kernel):
    kernel("rows").try_out(DTYPE, torch.device(DEVICE))


@pytest.mark.parametrize(("most", "expected"), [(1, "left alone"), (64, "tried out"), (64, "failing")])
def test_where_they_cannot_be_compiled_or_were_not_measured_no_rows_are_few(most, expected, kernel, monkeypatch):
    rows, done = kernel("rows"), []

    def try_out(*_):
        done.append("tried out")
        if expected == "failing":
            raise RuntimeError("out of shared memory")

    monkeypatch.setattr(rows, "most_rows", lambda _: most)
    monkeypatch.setattr(rows, "try_out", try_out)
    assert kernels._most_rows(DTYPE, torch.device(DEVICE)) == (64 if expected == "tried out" else 1)
    assert bool(done) == (most > 1)


def test_below_hopper_no_rows_are_few(kernel, monkeypatch):
    rows = kernel("rows")
    monkeypatch.setattr(rows, "has_early_launch", lambda _: False)
    assert rows.most_rows(torch.device(DEVICE)) == 1


@pytest.mark.parametrize("rows", ROWS + ([70, 128, 200] if DEVICE == "cuda" else []))
@pytest.mark.parametrize(("outputs", "width"), SIZES)
def test_8_bits_are_multiplied_by_the_scales_of_both(rows, outputs, width, kernel, draw):
    x, weight = draw(rows, width).to(torch.float8_e4m3fn), draw(2 * outputs, width).to(torch.float8_e4m3fn)
    scales = (draw(rows).float().abs() + 1) / width**0.5, draw(2 * outputs).float().abs()
    bias, norm, hidden = draw(outputs), draw(outputs), draw(rows, outputs)
    exact = (x.double() * scales[0][:, None]) @ (weight.double() * scales[1][:, None]).T
    gated, half = F.silu(exact[:, :outputs]) * exact[:, outputs:], exact[:, :outputs] + bias.double()
    sums = hidden.double() + half

    module, first = kernel("rows"), (scales[0], scales[1][:outputs])
    normed, row_scales = module.add_rows(hidden, x, weight[:outputs], bias=bias, norm=(norm, EPS), scales=first)
    assert_near(hidden, sums, 1e-2)
    assert normed.dtype == torch.float8_e4m3fn
    # Triton's interpreter makes 64 of 127.
    rounding = 4e-2 if DEVICE == "cuda" else 0.2
    assert_near(normed.double() * row_scales[:, None], F.rms_norm(sums, norm.shape, norm.double(), EPS), rounding)
    assert module.add_rows(hidden, x, weight[:outputs], scales=first) is None
    # Tensor cores add up products of 8 bits with some 14 bits.
    assert_near(module.multiply_rows(x, weight, gated=True, scales=scales, dtype=DTYPE), gated, 1e-2)
    assert_near(module.multiply_rows(x, weight[:outputs], bias=bias, scales=first, dtype=DTYPE), half, 1e-2)


def assert_near(actual, expected, off):
    assert (actual.double() - expected).norm() < off * expected.norm()
