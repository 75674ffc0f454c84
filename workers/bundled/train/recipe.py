"""How the practice model is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result."""

    steps: int = 22_000
    again: int = 6_500
    num_tokens: int = 131_072
    num_processes: int = 12
    num_dialogues: int = 8192
    rate: float = 3e-3
    warm_up: int = 300
    decay: float = 0.35
    weight_decay: float = 0.1
    seed: int = 1
    hidden: int = 256
    layers: int = 8
    heads: int = 8
    inner: int = 768


SMALL = Recipe(
    steps=60,
    again=20,
    num_tokens=4096,
    num_processes=1,
    num_dialogues=256,
    warm_up=10,
    hidden=64,
    layers=2,
    heads=4,
    inner=128,
)
