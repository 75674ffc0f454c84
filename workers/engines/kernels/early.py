"""Kernels that are launched while the one before still runs, and wait for it themselves: Hopper's programmatic launch.

A kernel that says so at its beginning lets the next one come, which has its instructions, and weights that nobody writes,
at hand when it is its turn. https://docs.nvidia.com/cuda/cuda-programming-guide (programmatic dependent launch)
"""

from __future__ import annotations

from functools import cache

import torch


@cache
def has_early_launch(device: torch.device) -> bool:
    return device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) >= (9, 0)


@cache
def num_processors(device: torch.device) -> int:
    """How many programs run side by side at least; elsewhere than on a GPU a few, for tests of how work is split."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 4
