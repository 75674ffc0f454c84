"""The tokenizer's files: there, of this model, and with a chat template that opens the thought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workers.checkpoints.files import quoted, read_object, show_bytes, start_of, unreadable
from workers.checkpoints.findings import Defect, Finding

_VOCABULARY, _CONFIG, _TEMPLATE, _GENERATION = (
    "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json",
)  # fmt: skip
_MOST_TEMPLATE = 1 << 20
# Published models pad their vocabulary by less than this; a larger hole is another model's tokenizer.
_MOST_UNUSED = 0.05


def look(folder: Path, config: dict[str, Any]) -> Iterator[Finding]:
    size = config.get("vocab_size")
    size = size if type(size) is int and size > 0 else None
    try:
        yield _vocabulary(folder, size)
    except Defect as defect:
        yield defect.in_file(_VOCABULARY)
    try:
        yield _template(folder)
    except Defect as defect:
        yield defect.in_file(_CONFIG)
    yield from _ends(folder, config, size)


def marks(folder: Path) -> set[str]:
    """The special marks of the vocabulary, nothing where it cannot be read."""
    try:
        added = read_object(folder / _VOCABULARY).get("added_tokens")
    except Defect:
        return set()
    entries = added if isinstance(added, list) else []
    return {entry["content"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("content"), str)}


def _vocabulary(folder: Path, size: int | None) -> Finding:
    if not (folder / _VOCABULARY).exists() and not (folder / _VOCABULARY).is_symlink():
        raise Defect("no-tokenizer", folder=quoted(folder))
    ids = _ids(read_object(folder / _VOCABULARY))
    if not ids:
        raise Defect("tokenizer-broken")
    count = max(ids) + 1
    if size is not None and count > size:
        raise Defect("tokenizer-too-large", count=count, size=size)
    if size is not None and count < size * (1 - _MOST_UNUSED):
        return Finding(_VOCABULARY, "tokenizer-small", {"count": count, "size": size}, "note")
    return Finding(_VOCABULARY, "tokenizer-fits", {"count": count}, "ok")


def _ids(tokenizer: dict[str, Any]) -> set[int]:
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    words = model.get("vocab") if isinstance(model, dict) else None
    # A BPE vocabulary is {word: id}; a unigram one is a list, and the place is the id.
    ids = list(words.values()) if isinstance(words, dict) else list(range(len(words))) if isinstance(words, list) else []
    entries = added if isinstance(added, list) else []
    ids += [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return {number for number in ids if type(number) is int and number >= 0}


def _template(folder: Path) -> Finding:
    text = _separate_template(folder / _TEMPLATE)
    if not text:
        if not (folder / _CONFIG).exists() and not (folder / _CONFIG).is_symlink():
            raise Defect("no-tokenizer-config", folder=quoted(folder))
        text = _chosen(read_object(folder / _CONFIG).get("chat_template"))
    if not text:
        raise Defect("no-template")
    if "<think>" in text:
        return Finding(_CONFIG, "template-thinks", level="ok")
    if "</think>" in text or {"<think>", "<｜Assistant｜>"} <= marks(folder):
        return Finding(_CONFIG, "template-old", level="note")
    return Finding(_CONFIG, "template-plain", level="note")


def _separate_template(file: Path) -> str:
    if not file.exists() and not file.is_symlink():
        return ""
    try:
        start_of(file)
        if (size := file.stat().st_size) > _MOST_TEMPLATE:
            raise Defect("too-large", size=show_bytes(size))
        return file.read_bytes().decode("utf-8", "replace")
    except OSError as problem:
        raise unreadable(problem) from problem


def _chosen(template: Any) -> str:
    """A text, or a list of named ones, of which `default` is used."""
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if _is_named(entry)}
        template = named.get("default", next(iter(named.values()), ""))
    return template if isinstance(template, str) else ""


def _is_named(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _ends(folder: Path, config: dict[str, Any], size: int | None) -> Iterator[Finding]:
    """An end outside of the vocabulary is never met: the model of another size wrote these files."""
    sources = {"config.json": config}
    if (folder / _GENERATION).exists():
        try:
            sources[_GENERATION] = read_object(folder / _GENERATION)
        except Defect as defect:
            yield defect.in_file(_GENERATION)
    for file, source in sources.items():
        ends = source.get("eos_token_id")
        for end in ends if isinstance(ends, list) else [ends]:
            if size is not None and type(end) is int and not 0 <= end < size:
                yield Finding(file, "end-outside", {"id": str(end)[:30], "size": size})
