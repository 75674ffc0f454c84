"""What no engine can beat on this device: the time to read the bytes and the time to do the operations, both measured here."""

import statistics
import time

import torch

# Bytes of a copy and width of a matrix that keep the device busy long enough to be measured.
SIZES = {"cpu": (256 << 20, 2048), "cuda": (4 << 30, 8192)}


def measure(device, dtype):
    """Bytes a second (read and written) and operations a second of the device, medians of five."""
    device = torch.device(device)
    num_bytes, width = SIZES[device.type]
    source = torch.zeros(num_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    matrix = torch.randn(width, width, device=device).to(dtype)
    copy = _seconds(lambda: target.copy_(source), device)
    multiply = _seconds(lambda: matrix @ matrix, device)
    return 2 * num_bytes / copy, 2 * width**3 / multiply


def seconds(shape, num, prompts, num_new, bytes_per_number, bandwidth, operations):
    """Least time for `num` requests at once: prompts are bound by operations, each step by the larger of the two floors."""
    read = shape.read_per_token()
    context = sum(prompts) / num + num_new / 2
    kv = shape.kv_per_token() // 2 * bytes_per_number
    step = max((read * bytes_per_number + num * context * kv) / bandwidth, 2 * read * num / operations)
    return 2 * read * sum(prompts) / operations + num_new * step


def _seconds(run, device):
    taken = []
    for _ in range(6):
        _wait(device)
        started_at = time.perf_counter()
        run()
        _wait(device)
        taken.append(time.perf_counter() - started_at)
    return statistics.median(taken[1:])


def _wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()
