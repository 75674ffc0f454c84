"""What this machine has: its GPUs, or the memory of the computer."""

import builtins
from types import SimpleNamespace

import pytest

from workers.checkpoints import machine
from workers.checkpoints.machine import Machine, this_machine


@pytest.fixture
def cards(monkeypatch):
    import torch

    def have(*found):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(found))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(found))
        properties = [SimpleNamespace(name=name, total_memory=memory) for name, memory in found]
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: properties[number])

    return have


def test_gpus_of_one_kind_are_counted(cards):
    cards(("NVIDIA H200", 100), ("NVIDIA H200", 100))
    assert this_machine() == Machine("NVIDIA H200", 2, 100)


def test_of_different_gpus_the_largest_kind_is_taken(cards):
    cards(("NVIDIA L4", 24), ("NVIDIA H200", 100), ("NVIDIA L4", 24))
    assert this_machine() == Machine("NVIDIA H200", 1, 100)


def test_without_a_gpu_it_is_the_memory_that_is_free(cards, monkeypatch):
    cards()
    monkeypatch.setattr(machine, "free_memory", lambda: 7)
    assert this_machine() == Machine("", 0, 7)


def test_without_torch_there_is_still_an_answer(monkeypatch):
    real = builtins.__import__

    def without_torch(name, *rest):
        if name == "torch":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    assert this_machine().count == 0
