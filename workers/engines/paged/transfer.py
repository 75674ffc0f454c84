"""Numbers on their way between host and device, without either waiting for the other."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from typing import Any

import torch
from torch import Tensor

Numbers = Several[int] | Several[Several[int]] | Several[Several[float]]


def tensor(numbers: Numbers, device: torch.device) -> Tensor:
    """On the device when what was launched before is done; only from pinned memory the host need not wait for that."""
    if device.type != "cuda":
        return torch.tensor(numbers, device=device)
    return torch.tensor(numbers, pin_memory=True).to(device, non_blocking=True)


def send(numbers: Several[int], there: Tensor) -> Tensor:
    """Write numbers into the beginning of `there`, and give that; it waits for nothing either."""
    here = torch.tensor(numbers, dtype=there.dtype, pin_memory=there.is_cuda)
    return there[: len(here)].copy_(here, non_blocking=True)


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
