"""What libraries raise while a model is loaded is told for what it is."""

import errno
import os
from pathlib import Path

import pytest
import torch

from workers.engines.errors import EngineLoadFailed
from workers.engines.loading import errors_for_people

SHORT = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GiB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes."),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
]
FAULTS = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("out of resource: shared memory, Required: 131072, Hardware limit: 101376"),
]


def told_of(problem):
    with pytest.raises(EngineLoadFailed) as caught, errors_for_people(Path("model"), "transformers-cannot-load"):
        raise problem
    return caught.value


@pytest.mark.parametrize("problem", SHORT, ids=str)
def test_want_of_memory_may_pass_and_is_tried_again(problem):
    assert told_of(problem).heals


@pytest.mark.parametrize("problem", FAULTS, ids=str)
def test_a_fault_that_speaks_of_memory_is_no_want_of_it_and_not_tried_for_ever(problem):
    assert not told_of(problem).heals
