"""The head of a GGUF file, llama.cpp's format, read by hand: what it says of itself, its tokenizer, where its tensors lie."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from workers.checkpoints.families import Shape
from workers.checkpoints.files import show_bytes, start_of, unreadable
from workers.checkpoints.findings import Defect

SUFFIX = ".gguf"
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_SIDES = 4
# Of each kind of number: its name, and how many of them are packed into how many bytes.
_KINDS = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
# config.json's names for what GGUF calls otherwise.
_CONFIG = {
    "hidden_size": "embedding_length", "num_hidden_layers": "block_count", "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count", "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """`begin` counts bytes from the start of the weights; `num_bytes` is None for a kind that we do not know."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    num_bytes: int | None

    @property
    def end(self) -> int:
        return self.begin + (self.num_bytes or 0)


@dataclass(frozen=True, slots=True)
class Head:
    """`about` has what the file says, by its own keys."""

    about: dict[str, Any]
    tensors: dict[str, Tensor]
    num_bytes: int

    @property
    def architecture(self) -> str:
        name = self.about.get("general.architecture")
        return name if isinstance(name, str) else ""

    def of_model(self, key: str) -> Any:
        return self.about.get(f"{self.architecture}.{key}")

    @property
    def tokens(self) -> list[str]:
        found = self.about.get("tokenizer.ggml.tokens")
        return found if isinstance(found, list) else []

    @property
    def context(self) -> int:
        length = self.of_model("context_length")
        return length if type(length) is int else 0

    @property
    def kind(self) -> str:
        """How most of its numbers are written."""
        sizes: dict[str, int] = {}
        for tensor in self.tensors.values():
            sizes[tensor.kind] = sizes.get(tensor.kind, 0) + prod(tensor.shape)
        return max(sizes, key=sizes.__getitem__, default="")

    @property
    def num_parameters(self) -> int:
        return sum(prod(tensor.shape) for tensor in self.tensors.values())

    def shape(self) -> Shape | None:
        """None for a family that we do not know; raises `BadNumber`."""
        config = {theirs: found for theirs, key in _CONFIG.items() if (found := self.of_model(key)) is not None}
        tied = "output.weight" not in self.tensors
        return Shape.of_config(
            {**config, "model_type": self.architecture, "vocab_size": len(self.tokens), "tie_word_embeddings": tied}
        )


def read_head(file: Path) -> Head:
    """Raises `Defect` for the first thing that is wrong, a file that ends too soon among it."""
    try:
        if not start_of(file).startswith(_MAGIC):
            raise Defect("gguf-no-gguf")
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).head()
    except OSError as problem:
        raise unreadable(problem) from problem


class _Reader:
    """Goes through the bytes from the start; whatever lies beyond the end is a `Defect`."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._size, self._at = data, len(data), len(_MAGIC)

    def head(self) -> Head:
        version = self._number("I")
        if version not in _VERSIONS:
            raise Defect("gguf-version", version=version)
        num_tensors, num_values = self._number("Q"), self._number("Q")
        about: dict[str, Any] = {}
        for _ in range(num_values):
            key = self._text()
            about[key] = self._value(self._number("I"))
        tensors = dict(self._tensor() for _ in range(num_tensors))
        self._compare_size(about, tensors)
        return Head(about, tensors, self._size)

    def _compare_size(self, about: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        step = about.get("general.alignment", 32)
        if type(step) is not int or step < 1:
            raise Defect("gguf-broken")
        end = max((tensor.end for tensor in tensors.values()), default=0)
        need = -(-self._at // step) * step + end
        if end and self._size < need:
            raise Defect("cut", have=show_bytes(self._size), missing=show_bytes(need - self._size))

    def _tensor(self) -> tuple[str, Tensor]:
        name, num_sides = self._text(), self._number("I")
        if num_sides > _MOST_SIDES:
            raise Defect("gguf-broken")
        shape = tuple(self._number("Q") for _ in range(num_sides))
        kind, begin = self._number("I"), self._number("Q")
        known, each, packed = _KINDS.get(kind, (f"#{kind}", 1, 0))
        return name, Tensor(known, shape, begin, prod(shape) // each * packed if packed else None)

    def _value(self, kind: int) -> Any:
        if kind != _ARRAY:
            return self._reader(kind)()
        kind, count = self._number("I"), self._number("Q")
        if kind in _SCALARS:
            return list(self._numbers(_SCALARS[kind], count))
        read = self._reader(kind)
        return [read() for _ in range(count)]

    def _reader(self, kind: int) -> Callable[[], Any]:
        if kind == _STRING:
            return self._text
        if kind not in _SCALARS:
            raise Defect("gguf-broken")
        return lambda: self._number(_SCALARS[kind])

    def _number(self, code: str) -> Any:
        return self._numbers(code, 1)[0]

    def _numbers(self, code: str, count: int) -> tuple[Any, ...]:
        begin = self._move(count * struct.calcsize(f"<{code}"))
        return struct.unpack_from(f"<{count}{code}", self._data, begin)

    def _text(self) -> str:
        length = self._number("Q")
        begin = self._move(length)
        return self._data[begin : begin + length].decode("utf-8", "replace")

    def _move(self, num_bytes: int) -> int:
        """Where the next bytes begin."""
        begin = self._at
        if begin + num_bytes > self._size:
            raise Defect("gguf-short", have=show_bytes(self._size))
        self._at += num_bytes
        return begin
