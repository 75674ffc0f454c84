"""The part of `model check` that is for GGUF files: whole, of a kind that writes, and with a tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workers.checkpoints import gguf_tokenizer, tokenizer
from workers.checkpoints.families import FAMILIES
from workers.checkpoints.files import show_bytes
from workers.checkpoints.findings import Defect, Finding
from workers.checkpoints.gguf import Head, read_head
from workers.checkpoints.quantised import parts


def look(file: Path) -> Iterator[Finding]:
    """`file` is the first of its parts."""
    first = None
    names = parts(file.name)
    for name in names:
        if not (file.parent / name).exists():
            yield Finding(name, "missing-shard", {"count": 1, "total": len(names)})
            continue
        try:
            head = read_head(file.parent / name)
        except Defect as defect:
            yield defect.in_file(name)
            continue
        first = head if name == file.name else first
        yield Finding(name, "gguf-whole", _values(head), "ok")
    if first is not None:
        yield from _family(file, first)
        yield from _tokenizer(file, first)


def _values(head: Head) -> dict[str, str | int]:
    return {"count": len(head.tensors), "size": show_bytes(head.num_bytes), "kind": head.kind}


def _family(file: Path, head: Head) -> Iterator[Finding]:
    if not head.architecture or not head.context:
        yield Finding(file.name, "gguf-no-language-model", {"family": head.architecture or "?"})
    elif head.architecture not in FAMILIES:
        yield Finding(file.name, "gguf-family", {"family": head.architecture[:40]}, "note")


def _tokenizer(file: Path, head: Head) -> Iterator[Finding]:
    if folder := gguf_tokenizer.beside(file):
        yield from tokenizer.look(folder, {"vocab_size": len(head.tokens)})
        return
    try:
        gguf_tokenizer.refuse_unknown(head)
        yield Finding(file.name, "gguf-own-tokenizer", {"count": len(head.tokens)}, "ok")
    except Defect as defect:
        yield defect.in_file(file.name)
