"""The head of a safetensors file, read by hand: nothing of the weights is loaded, and every damage has a name."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.checkpoints.files import show_bytes, start_of, unreadable
from workers.checkpoints.findings import Defect

# The format's own limit; a longer head means that the first eight bytes are no length ("HeaderTooLarge").
_MOST_HEAD = 100_000_000
_LENGTH = 8
_MOST_WORDS = 4096
_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I8": 8, "U8": 8, "BOOL": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Head:
    tensors: dict[str, Tensor]
    num_bytes: int  # of the weights alone


def read_head(file: Path) -> Head:
    """Raises `Defect` for the first thing that is wrong."""
    try:
        start, size = start_of(file), file.stat().st_size
        text, length = _text(file, start, size)
    except OSError as problem:
        raise unreadable(problem) from problem
    tensors = {name: _tensor(name, entry) for name, entry in _entries(text).items() if name != "__metadata__"}
    end = max((tensor.end for tensor in tensors.values()), default=0)
    _compare_size(size, _LENGTH + length + end)
    _find_holes(tensors)
    return Head(tensors, end)


def _text(file: Path, start: bytes, size: int) -> tuple[bytes, int]:
    # A head's length may begin like a pickle, but behind it stands JSON.
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")) and start[_LENGTH : _LENGTH + 1] != b"{":
        raise Defect("pickle-renamed")
    _refuse_words(start, size)
    length = int.from_bytes(start[:_LENGTH], "little")
    if size >= _LENGTH and length > _MOST_HEAD:
        raise Defect("no-safetensors")
    if size < _LENGTH + length:
        raise _cut(size, _LENGTH + length)
    with file.open("rb") as opened:
        opened.seek(_LENGTH)
        return opened.read(length), length


def _refuse_words(start: bytes, size: int) -> None:
    """A hub's "Entry not found" saved under the name of the weights."""
    if size > _MOST_WORDS or len(start) < _LENGTH:
        return
    try:
        words = start.decode()
    except UnicodeDecodeError:
        return
    if all(char.isprintable() or char.isspace() for char in words):
        raise Defect("words", words=" ".join(words.split())[:60])


def _entries(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError, MemoryError) as problem:
        raise Defect("head-broken", problem=str(problem)) from problem
    if not isinstance(found, dict):
        raise Defect("head-broken", problem=type(found).__name__)
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Defect("twice-in-file", tensor=Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


def _tensor(name: str, entry: Any) -> Tensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        bits = _BITS[dtype]
    except (TypeError, KeyError, ValueError) as problem:
        raise Defect("tensor-broken", tensor=name) from problem
    # Checked one by one: an absurd number of sides would take forever to multiply.
    if len(shape) > 8 or not all(_is_count(number) for number in (*shape, begin, end)):
        raise Defect("tensor-broken", tensor=name)
    tensor = Tensor(dtype, shape, begin, end)
    if tensor.count * bits != 8 * (end - begin):
        raise Defect("tensor-size", tensor=name, shape=str(list(shape)), dtype=dtype, have=f"{end - begin}")
    return tensor


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 63


def _compare_size(have: int, need: int) -> None:
    if have < need:
        raise _cut(have, need)
    if have > need:
        raise Defect("padded", extra=show_bytes(have - need))


def _cut(have: int, need: int) -> Defect:
    return Defect("cut", have=show_bytes(have), missing=show_bytes(need - have))


def _find_holes(tensors: dict[str, Tensor]) -> None:
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != at:
            raise Defect("overlap" if tensor.begin < at else "gap", tensor=name)
        at = tensor.end
