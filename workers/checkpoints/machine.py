"""The memory that this machine has for a model: its GPUs', or the computer's own."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.checks import free_memory


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory` is bytes a GPU; without GPUs what programs can still have, None where nobody knows."""

    name: str
    count: int
    memory: int | None


def this_machine() -> Machine:
    """GPUs of one kind; of a mixture the largest kind, since a model is best served by equal ones."""
    cards = _cards()
    if not cards:
        return this_computer()
    largest = max(cards, key=lambda card: card[1])
    return Machine(largest[0], cards.count(largest), largest[1])


def this_computer() -> Machine:
    """Without its GPUs."""
    return Machine("", 0, free_memory())


def _cards() -> list[tuple[str, int]]:
    try:
        import torch
    except ImportError:
        return []
    if not torch.cuda.is_available():
        return []
    found = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return [(card.name, card.total_memory) for card in found]
