"""Numbers on their way between host and device, without either waiting for the other."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Several
from typing import Any

import torch
from torch import Tensor

Numbers = Several[int] | Several[Several[int]] | Several[Several[float]]

_KINDS = {torch.int32: ("i", ctypes.c_int32), torch.int64: ("q", ctypes.c_int64)}


def tensor(numbers: Numbers, device: torch.device) -> Tensor:
    """On the device when what was launched before is done; only from pinned memory the host need not wait for that."""
    if device.type != "cuda":
        return torch.tensor(numbers, device=device)
    return torch.tensor(numbers, pin_memory=True).to(device, non_blocking=True)


class Sender:
    """Writes numbers into `there` [most], each time from the same memory (no quicker than new one: bench/NOTES.md).

    Like `tensor` it waits for nothing that was launched before, but for its own last copy.
    """

    def __init__(self, there: Tensor) -> None:
        self._there, self._here = there, torch.empty_like(there, device="cpu", pin_memory=there.is_cuda)
        numbers = (_KINDS[there.dtype][1] * len(there)).from_address(self._here.data_ptr())
        self._memory = memoryview(numbers).cast("B")
        make: Any = torch.cuda.Event
        self._arrived = make() if there.is_cuda else None

    def __call__(self, numbers: Iterable[int]) -> Tensor:
        """What is there now, as far as it is new."""
        packed = array(_KINDS[self._there.dtype][0], numbers)
        if self._arrived:
            self._arrived.synchronize()
        self._memory[: len(packed) * packed.itemsize] = memoryview(packed).cast("B")
        there = self._there[: len(packed)]
        there.copy_(self._here[: len(packed)], non_blocking=True)
        if self._arrived:
            self._arrived.record()
        return there


def bring_home(ids: Tensor) -> Callable[[], list[int]]:
    """Start the way to the host; what is given waits for the end of it, and not for what was launched since."""
    if not ids.is_cuda:
        return ids.tolist
    here = torch.empty(ids.shape, dtype=ids.dtype, pin_memory=True)
    here.copy_(ids, non_blocking=True)
    make: Any = torch.cuda.Event
    arrived = make()
    arrived.record()

    def read() -> list[int]:
        arrived.synchronize()
        return here.tolist()

    return read
