"""Many rows in 8 bits, and what is done before a product on the way."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

from tests.workers.engines.kernels.conftest import DEVICE, DTYPE
from workers.engines.kernels import has_fp8

EPS = 1e-6
WIDTHS = [48, 1536] + ([8960, 18944] if DEVICE == "cuda" else [])


@pytest.fixture
def assert_rounded():
    """To three bits, the largest of each row to the largest that there is."""

    def assert_rounded(actual, expected):
        values, scales = actual
        assert (values.dtype, scales.dtype) == (torch.float8_e4m3fn, torch.float32)
        assert torch.equal(values.double().abs().amax(1), torch.full((len(values),), 448.0, device=DEVICE, dtype=torch.double))
        error = (values.double() * scales[:, None] - expected).abs()
        # Below 2^-6 of 448 steps are equal; and what is rounded was itself reckoned in 32 bits, of numbers in 16.
        is_near = error <= expected.abs() * (1 / 16 + 1e-3) + 2.0**-10 * scales[:, None]
        # Triton's interpreter makes 64 of 127.
        assert is_near.all() if DEVICE == "cuda" else is_near.float().mean() > 0.9

    return assert_rounded


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("width", WIDTHS)
def test_each_row_is_rounded_by_its_largest_number(rows, width, kernel, draw, assert_rounded):
    narrow, x, norm = kernel("narrow").narrow, draw(rows, width), draw(width)
    x *= torch.logspace(-3, 2, rows, device=DEVICE, dtype=DTYPE)[:, None]
    assert_rounded(narrow(x), x.double())
    assert_rounded(narrow(x, norm=(norm, EPS)), F.rms_norm(x.double(), norm.shape, norm.double(), EPS))

    both = draw(rows, 2 * width)
    gate, up = both.double().chunk(2, dim=-1)
    assert_rounded(narrow(both, gated=True), F.silu(gate) * up)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_added_stays_and_the_norm_is_that_of_the_sum(width, kernel, draw, assert_close, assert_rounded):
    x, more, norm = draw(5, width), draw(5, width), draw(width)
    total = x.double() + more.double()

    narrowed = kernel("narrow").narrow(x, add=more, norm=(norm, EPS))
    assert_close(x, total)
    assert_rounded(narrowed, F.rms_norm(total, norm.shape, norm.double(), EPS))


def test_a_row_of_zeros_and_one_that_is_no_number_stay_what_they_are(kernel, draw):
    x = draw(3, 48)
    x[0] = 0
    x[1, 7] = float("nan")
    values, scales = kernel("narrow").narrow(x)
    wide = values.float() * scales[:, None]
    assert torch.equal(wide[0], torch.zeros(48, device=DEVICE))
    assert wide[1, 7].isnan() or DEVICE == "cpu"
    assert wide[2].isfinite().all()


@pytest.mark.skipif(DEVICE == "cpu" or not has_fp8("cuda"), reason="needs a GPU that multiplies 8 bits")
@pytest.mark.parametrize("rows", [2, 33, 65, 300])
@pytest.mark.parametrize(("outputs", "width"), [(96, 48), (2048, 1536), (1536, 8960)])
def test_rows_in_8_bits_are_multiplied_by_both_scales(rows, outputs, width, kernel, draw):
    module, bias = kernel("narrow"), draw(outputs)
    weight, scales = draw(outputs, width).to(torch.float8_e4m3fn), draw(outputs).float().abs()
    x, row_scales = module.narrow(draw(rows, width))
    expected = (x.double() * row_scales[:, None]) @ (weight.double() * scales[:, None]).T

    for more, added in (None, 0), (bias, bias.double()):
        product = module.multiply_narrow(x, weight, scales=(row_scales, scales), dtype=DTYPE, bias=more).double()
        # Tensor cores add up products of 8 bits with some 14 bits.
        assert (product - expected - added).norm() < 2e-2 * expected.norm()
