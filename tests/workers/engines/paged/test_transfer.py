"""Numbers on their way to the device."""

import pytest
import torch

from workers.engines.paged.transfer import send

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_what_is_sent_is_not_changed_by_what_is_sent_later(device, dtype):
    there = torch.empty(1000, dtype=dtype, device=device)
    busy = torch.ones(2000, 2000, device=device)
    arrived = []
    for start in range(20):
        busy = busy @ busy / 2000 if device == "cuda" else busy
        arrived.append(send(range(-start, 1000 - 2 * start), there).clone())

    assert [some.tolist() for some in arrived] == [[*range(-start, 1000 - 2 * start)] for start in range(20)]
