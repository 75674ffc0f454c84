"""Products of a layer by kernels beside the same by torch, for one row, a few and many."""

import pytest
import torch

from tests.workers.engines.written_out import KERNELS, MOST_ROWS
from workers.engines.paged import cuda
from workers.engines.paged import narrow as narrowed
from workers.engines.paged.config import read_config
from workers.engines.paged.narrow import NarrowOperations
from workers.engines.paged.operations import Operations, Stream
from workers.engines.paged.weights import Matrix, narrow


@pytest.fixture
def results(folder):
    """Of all operations in turn, on the same numbers: `hidden` is what they are added to in place."""

    def results(operations, *more, rows, make):
        torch.manual_seed(0)
        do = operations(read_config(folder), *more)
        x, norm, bias, last = torch.randn(rows, 48), torch.randn(48), torch.randn(96), torch.randn(48)
        wide, square, down = make(torch.randn(96, 48)), make(torch.randn(48, 48)), make(torch.randn(48, 48))
        stream = do.add_linear(Stream(x.clone()), x, square, last, norm=norm)
        seen = [stream.hidden.clone(), do.norm_linear(stream, norm, wide, bias)]
        stream = do.add_swiglu(stream, norm, wide, down, next_norm=last)
        seen += [stream.hidden.clone(), do.norm_linear(stream, last, square)]
        return [*seen, do.add_swiglu(stream, last, wide, down, next_norm=None).hidden]

    return results


@pytest.mark.parametrize("most_gated", [2, MOST_ROWS])
@pytest.mark.parametrize("rows", [1, 2, 3, MOST_ROWS, MOST_ROWS + 1])
def test_kernels_and_torch_multiply_by_the_same(rows, most_gated, results, monkeypatch):
    monkeypatch.setattr(cuda, "_MOST_GATED", most_gated)
    ours = results(cuda.FusedOperations, KERNELS, rows=rows, make=Matrix)
    torch.testing.assert_close(ours, results(Operations, rows=rows, make=Matrix), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("rows", [1, 2, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 50])
def test_rows_are_rounded_to_8_bits_but_a_single_one(rows, results, monkeypatch):
    monkeypatch.setattr(narrowed, "_MOST_ROWS", MOST_ROWS)
    monkeypatch.setattr(narrowed, "_MOST_GATED", MOST_ROWS - 1)
    ours = results(NarrowOperations, KERNELS, rows=rows, make=narrow)
    expected = results(Operations, rows=rows, make=narrow)
    if rows == 1:
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-3)
    for mine, theirs in zip(ours, expected, strict=True):
        assert (mine - theirs).norm() < 0.1 * theirs.norm()
    assert (ours[-1] - expected[-1]).norm() > 0 or rows == 1


def test_the_head_is_whole_for_many_rows_too(folder):
    x, norm, head = torch.randn(9, 48), torch.randn(48), Matrix(torch.randn(96, 48))
    config = read_config(folder)
    ours = NarrowOperations(config, KERNELS).norm_linear(Stream(x), norm, head)
    torch.testing.assert_close(ours, Operations(config).norm_linear(Stream(x), norm, head))
