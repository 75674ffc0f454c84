"""What the engine needs of llama.cpp. `library.Runtime` is it; tests have one of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from workers.engines.base import Request


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens of one slot to be read in one step, from position `start` on; `asks` for the token that follows."""

    slot: int
    start: int
    ids: list[int]
    asks: bool


class Sampler(Protocol):
    """How one request chooses."""

    def choose(self, row: int) -> int | None:
        """The token after the `row`-th of the last step; None where the model computed what is no number."""

    def accept(self, id: int) -> None:
        """It was chosen elsewhere, and counts for the penalties."""

    def close(self) -> None: ...


class Memory(Protocol):
    """What was read, by slot. Slots share the cells of what was copied."""

    def copy(self, source: int, target: int, num: int) -> None:
        """Let an empty slot have the first tokens of another."""

    def cut(self, slot: int, num: int) -> None:
        """Leave a slot only its first tokens."""


class Runtime(Memory, Protocol):
    def read(self, pieces: list[Piece]) -> bool:
        """One step for all of them; false, with nothing changed, where the memory has no room. Raises RuntimeError."""

    def sampler(self, request: Request, seed: int) -> Sampler: ...

    def close(self) -> None: ...
