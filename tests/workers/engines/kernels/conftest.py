"""Triton's kernels on a GPU; without one in Triton's interpreter, which must be asked for before Triton is imported."""

import os
import sys
from importlib import import_module

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# The interpreter multiplies the bits of a bfloat16.
DTYPE = torch.bfloat16 if DEVICE == "cuda" else torch.float16


@pytest.fixture(scope="session")
def kernel():
    """The module of kernels of a name."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            if tuple(map(int, pytest.importorskip("numpy").__version__.split(".")[:2])) >= (2, 4):
                pytest.skip("Triton's interpreter wants an older numpy")
            if "triton" in sys.modules and not os.environ.get("TRITON_INTERPRET"):
                pytest.skip("Triton was imported too soon: set TRITON_INTERPRET=1")
            patch.setenv("TRITON_INTERPRET", "1")
        pytest.importorskip("triton")
        yield lambda name: import_module(f"workers.engines.kernels.{name}")


@pytest.fixture
def draw():
    """A tensor of normal numbers of this shape, of the kind that kernels take here."""
    torch.manual_seed(0)
    return lambda *shape: torch.randn(*shape, device=DEVICE, dtype=DTYPE)


@pytest.fixture
def assert_close():
    """Within the rounding of bfloat16 of what is expected in double precision."""

    def assert_close(actual, expected):
        assert actual.isfinite().all()
        assert (actual.double() - expected).norm() < 5e-3 * expected.norm()

    return assert_close
