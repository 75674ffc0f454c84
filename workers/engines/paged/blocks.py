"""The pool of cache blocks: who uses which, and which still hold the beginning of an earlier text.

A full block is known by a digest of all tokens up to its end, so equal beginnings are found and shared, and nobody can
make a prompt that is taken for another's. Block 0 belongs to nobody: padding writes there.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from workers.engines.paged.owners import Owners

ID_BYTES = 4

# By so many of their first ids texts are told apart: what a persona says first is the same for all.
MARK_IDS = 1024
MAX_TEXTS = 256


def pack(ids: Iterable[int] = ()) -> array[int]:
    """Raises `OverflowError` for what is no id anywhere."""
    # Of the kinds of array, the one that is filled quickest.
    return array("I", ids)


class Digests(list[bytes]):
    """Of a text's blocks in their order, each with all that is before it."""

    def __init__(self, like: Digests | None = None) -> None:
        super().__init__(like or ())
        self._hash: Any = like._hash.copy() if like else blake2b(digest_size=16)

    def add(self, packed: bytes, block_size: int) -> None:
        """Blocks more, of ids as `pack` gives them."""
        update, digest, size = self._hash.update, self._hash.digest, block_size * ID_BYTES
        for start in range(0, len(packed), size):
            update(packed[start : start + size])
            self.append(digest())


class Hashed(NamedTuple):
    """A text of whole blocks, and what nobody adds to any more."""

    text: bytes
    digests: Digests


NOTHING = Hashed(b"", Digests())


class Texts:
    """How the texts that came last were hashed: one that begins like another is compared with it, which is quicker."""

    def __init__(self, block_size: int) -> None:
        self._block_size = block_size
        # Of each beginning the last text, and what it had in common with the one before.
        self._texts: OrderedDict[bytes, tuple[Hashed, Hashed]] = OrderedDict()

    def hash(self, ids: array[int]) -> Digests:
        """Of all full blocks before the last token."""
        text = ids.tobytes()[: (len(ids) - 1) // self._block_size * self._block_size * ID_BYTES]
        mark = text[: MARK_IDS * ID_BYTES]
        last, base = self._texts.pop(mark, (NOTHING, NOTHING))
        known = next(hashed for hashed in (last, base, NOTHING) if text.startswith(hashed.text))
        base = self._go_on(known, self._common(last.text, text, len(known.text)))
        last = self._go_on(base, text)
        self._texts[mark] = last, base
        if len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)
        return Digests(last.digests)

    def clear(self) -> None:
        self._texts.clear()

    def _go_on(self, known: Hashed, text: bytes) -> Hashed:
        if len(text) == len(known.text):
            return known
        digests = Digests(known.digests)
        digests.add(text[len(known.text) :], self._block_size)
        return Hashed(text, digests)

    def _common(self, one: bytes, other: bytes, known: int) -> bytes:
        """The whole blocks with which both begin, which are `known` bytes at least."""
        size = self._block_size * ID_BYTES
        at_least, at_most = known // size, min(len(one), len(other)) // size
        while at_least < at_most:
            middle = (at_least + at_most + 1) // 2
            span = slice(at_least * size, middle * size)
            at_least, at_most = (middle, at_most) if one[span] == other[span] else (at_least, middle - 1)
        return other[: at_least * size]


class BlockPool:
    """Blocks without a user stay known, the longest unused are taken first (LRU)."""

    def __init__(self, num_blocks: int, block_size: int) -> None:
        self.num_blocks, self.block_size = num_blocks, block_size
        self._num_users = [0] * num_blocks
        self._digests: list[bytes | None] = [None] * num_blocks
        self._known: dict[bytes, int] = {}
        self._owners = Owners()
        self._free = OrderedDict.fromkeys(range(1, num_blocks))

    @property
    def num_free(self) -> int:
        return len(self._free)

    def blocks_for(self, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size)

    def find(self, digests: Iterable[bytes]) -> list[int]:
        """The blocks of the longest known beginning; they may be gone unless `share` follows at once."""
        found = []
        for key in digests:
            if (block := self._known.get(key)) is None:
                break
            found.append(block)
        return found

    def count_free(self, blocks: Iterable[int]) -> int:
        return sum(map(self._free.__contains__, blocks))

    def share(self, blocks: Iterable[int], owner: str) -> None:
        for block in blocks:
            self._num_users[block] += 1
            self._free.pop(block, None)
        self._owners.share(blocks, owner)

    def take(self, num: int) -> list[int]:
        """`num` blocks for one user; there must be as many free ones."""
        return [self._take() for _ in range(num)]

    def publish(self, block: int, key: bytes, owner: str) -> None:
        """Make a full block findable. Of two equal ones the first is found."""
        if self._digests[block] is not None:
            return
        if (first := self._known.setdefault(key, block)) == block:
            self._digests[block] = key
            self._owners.give(block, owner)
        else:
            self._owners.share([first], owner)

    def release(self, blocks: Sequence[int], num_kept: int) -> None:
        """One user less. The first `num_kept` are kept longest, in a text its end goes first; the others go at once."""
        for block in self._left_by_all(blocks[num_kept:]):
            self._free[block] = None
            self._free.move_to_end(block, last=False)
        for block in self._left_by_all(reversed(blocks[:num_kept])):
            self._free[block] = None
            if self._digests[block] is None:
                self._free.move_to_end(block, last=False)

    def owned_by(self, owner: str | None) -> list[int]:
        """The findable blocks of a text that is this owner's alone; None asks for all."""
        return list(self._known.values()) if owner is None else self._owners.blocks_of(owner)

    def forget(self, blocks: Iterable[int]) -> list[int]:
        """Nobody shall find these any more; gives those that nobody uses."""
        for block in blocks:
            if (key := self._digests[block]) is not None:
                del self._known[key]
                self._digests[block] = None
                self._owners.drop(block)
        return [block for block in blocks if not self._num_users[block]]

    def _take(self) -> int:
        block, _ = self._free.popitem(last=False)
        self.forget([block])
        self._num_users[block] = 1
        return block

    def _left_by_all(self, blocks: Iterable[int]) -> Iterator[int]:
        for block in blocks:
            assert self._num_users[block] > 0, "a block is released by more than used it"
            self._num_users[block] -= 1
            if not self._num_users[block]:
                yield block
