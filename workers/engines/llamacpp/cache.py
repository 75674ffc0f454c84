"""What llama.cpp's memory holds: the tokens of each slot, and which cells slots share because they begin alike.

llama.cpp has no way to ask, so this keeps the same books. Slots are of requests that run, or kept for who comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Several
from itertools import count

from workers.engines.llamacpp.runtime import Memory


class Cache:
    """`num_cells` is how many tokens fit; `shares` is whether this kind of model can be cut and copied at any token."""

    def __init__(self, memory: Memory, num_cells: int, num_slots: int, *, shares: bool = True) -> None:
        self.num_cells = num_cells
        self._memory, self._shares = memory, shares
        self._ids: dict[int, list[int]] = {}
        # Each token that was computed has a number of its own, so that what is shared is counted once.
        self._cells: dict[int, list[int]] = {}
        self._uses: Counter[int] = Counter()
        self._numbers = count()
        self._free_slots = list(range(num_slots))
        self._owners: dict[int, str] = {}
        self._kept: list[int] = []  # the one that was used last stands last

    @property
    def num_free(self) -> int:
        return self.num_cells - len(self._uses)

    def fits(self, ids: Several[int], spare: int) -> bool:
        """Whether all of `ids` has room beside what runs, when nothing else is kept, with `spare` left."""
        source, num = self._known(ids)
        running = (cells for slot, cells in self._cells.items() if slot not in self._kept)
        held = set(self._cells[source][:num] if num else ()).union(*running)
        return len(held) + len(ids) - num + spare <= self.num_cells

    def place(self, ids: Several[int], owner: str) -> tuple[int, int]:
        """A slot for `ids`, and how many of them it already holds; the last one is never known, as what follows is wanted."""
        source, num = self._known(ids)
        if num and source in self._kept and num == len(self._ids[source]):
            self._kept.remove(source)
            self._owners[source] = owner
            return source, num
        slot = self._take_slot(source)
        self._owners[slot] = owner
        self._ids[slot], self._cells[slot] = [], []
        if num:
            self._memory.copy(source, slot, num)
            self._ids[slot] = self._ids[source][:num]
            self._cells[slot] = self._cells[source][:num]
            self._uses.update(self._cells[slot])
        return slot, num

    def extend(self, slot: int, ids: Several[int]) -> None:
        """These were computed."""
        new = [next(self._numbers) for _ in ids]
        self._ids[slot] += ids
        self._cells[slot] += new
        self._uses.update(new)

    def make_room(self, num: int) -> bool:
        """Have `num` cells free, forgetting what was used longest ago; false where everything is in use."""
        while self.num_free < num and self._kept:
            self._drop(self._kept.pop(0))
        return self.num_free >= num

    def refused(self, num: int) -> None:
        """llama.cpp had no room for `num` more: it has fewer cells than was thought."""
        self.num_cells += num - 1 - self.num_free

    def leave(self, slot: int, num: int) -> None:
        """Its request has ended or is set back; the first `num` tokens are kept, as long as there is room."""
        num = min(num, len(self._ids[slot])) if self._shares else 0
        if num == 0:
            self._drop(slot)
            return
        self._cut(slot, num)
        for other in [other for other in self._kept if self._ids[other] == self._ids[slot][: len(self._ids[other])]]:
            self._kept.remove(other)
            self._drop(other)
        self._kept.append(slot)

    def forget(self, slot: int) -> None:
        """Its request has ended, and nobody shall go on from what it holds."""
        self._drop(slot)

    def forget_all(self, owner: str | None) -> None:
        """Whatever is kept of this owner's, or of everybody's."""
        for slot in [slot for slot in self._kept if owner is None or self._owners[slot] == owner]:
            self._kept.remove(slot)
            self._drop(slot)

    def _known(self, ids: Several[int]) -> tuple[int, int]:
        """The slot that begins most like `ids`, and how far."""
        if not self._shares:
            return -1, 0
        lengths = {slot: _common(held, ids) for slot, held in self._ids.items()}
        slot = max(lengths, key=lengths.__getitem__, default=-1)
        return slot, min(lengths.get(slot, 0), len(ids) - 1)

    def _take_slot(self, source: int) -> int:
        if not self._free_slots:
            oldest = next(slot for slot in self._kept if slot != source)
            self._kept.remove(oldest)
            self._drop(oldest)
        return self._free_slots.pop()

    def _cut(self, slot: int, num: int) -> None:
        if num < len(self._ids[slot]):
            self._memory.cut(slot, num)
        gone = self._cells[slot][num:]
        self._uses.subtract(gone)
        for cell in gone:
            if not self._uses[cell]:
                del self._uses[cell]
        del self._ids[slot][num:], self._cells[slot][num:]

    def _drop(self, slot: int) -> None:
        self._cut(slot, 0)
        del self._ids[slot], self._cells[slot], self._owners[slot]
        self._free_slots.append(slot)


def _common(one: Several[int], other: Several[int]) -> int:
    """How many ids are alike from the start."""
    alike = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        alike += 1
    return alike
