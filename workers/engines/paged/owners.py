"""Whose text the findable blocks hold: what one conversation alone has said is forgotten with it.

What several have said, above all what stands before every conversation, is nobody's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Owners:
    def __init__(self) -> None:
        self._owner: dict[int, str] = {}
        self._blocks: defaultdict[str, set[int]] = defaultdict(set)

    def blocks_of(self, owner: str) -> list[int]:
        return sorted(self._blocks.get(owner, ()))

    def give(self, block: int, owner: str) -> None:
        self._owner[block] = owner
        self._blocks[owner].add(block)

    def share(self, blocks: Iterable[int], owner: str) -> None:
        """It has said the same."""
        for block in blocks:
            if self._owner.get(block, owner) != owner:
                self.drop(block)

    def drop(self, block: int) -> None:
        if (owner := self._owner.pop(block, None)) is None:
            return
        blocks = self._blocks[owner]
        blocks.remove(block)
        if not blocks:
            del self._blocks[owner]
