"""Products of a layer by kernels beside the same by torch, for one row, a few and many."""

import pytest
import torch

from tests.workers.engines.written_out import KERNELS, MOST_ROWS
from workers.engines.paged import cuda
from workers.engines.paged.config import read_config
from workers.engines.paged.operations import Operations, Stream


@pytest.mark.parametrize("most_gated", [2, MOST_ROWS])
@pytest.mark.parametrize("rows", [1, 2, 3, MOST_ROWS, MOST_ROWS + 1])
def test_kernels_and_torch_multiply_by_the_same(rows, most_gated, folder, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(cuda, "_MOST_GATED", most_gated)
    config = read_config(folder)
    x, norm, bias = torch.randn(rows, 48), torch.randn(48), torch.randn(96)
    wide, square = torch.randn(96, 48), torch.randn(48, 48)

    def results(do):
        stream = do.add_linear(Stream(x.clone()), x, square, norm=norm)
        return stream.hidden, do.norm_linear(stream, norm, wide, bias), do.norm_swiglu(stream, norm, wide)

    torch.testing.assert_close(results(Operations(config)), results(cuda.FusedOperations(config, KERNELS)))
