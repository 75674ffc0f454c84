"""`model check`: every file of a checkpoint, from the heads alone. No code is loaded, and no bytes make it fail."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.core.checks import report
from workers.checkpoints import catalog, check_gguf, config, hashes, quantised, tokenizer, weights
from workers.checkpoints.families import BadNumber, Shape
from workers.checkpoints.files import quoted, unreadable
from workers.checkpoints.findings import Defect, Finding
from workers.checkpoints.local import local, name_of
from workers.checkpoints.weights import Weights


def check(path: Path, deep: bool = False) -> list[Finding]:
    """In the order in which a loader would meet them."""
    try:
        if (wrong := _place(path)) is not None:
            return [wrong.with_commands(pull=f"companion model pull NAME --to {quoted(path)}")]
        folder = path if path.is_dir() else path.parent
        gguf = quantised.find(path)
        pull = _pull_again(folder, quantised.kind_of(gguf.name) if gguf else "")
        found = _gguf_file(gguf, deep) if gguf else _files(path, deep)
        return [_with_commands(finding, folder, pull) for finding in found]
    except OSError as problem:
        return [unreadable(problem).in_file(path.name or str(path))]


def is_well(findings: list[Finding]) -> bool:
    return all(finding.level != "error" for finding in findings)


def print_report(path: Path, deep: bool, as_json: bool, language: str) -> int:
    """Of a folder, or of a model in the hub's cache by its name; gives the exit status."""
    path = local(str(path)) or path
    findings = check(path, deep)
    if as_json:
        entries = [finding.as_dict(language) for finding in findings]
        print(json.dumps({"path": str(path), "ok": is_well(findings), "findings": entries}, ensure_ascii=True, indent=1))
        return 0 if is_well(findings) else 1
    return report(finding.as_check(language) for finding in findings)


def _place(path: Path) -> Finding | None:
    name = path.name or str(path)
    if not path.exists():
        return Finding(name, "no-path", {"path": str(path)})
    if quantised.find(path):
        return None
    if not path.is_dir():
        return Finding(name, "a-file", {"folder": quoted(path.parent)})
    if not any(path.iterdir()):
        return Finding(name, "empty-folder", {"folder": quoted(path)})
    if deeper := _deeper(path):
        return Finding(name, "deeper", {"folder": quoted(deeper)})
    return None


def _deeper(folder: Path) -> Path | None:
    """Where the model is when somebody gave the folder around it, such as the one of the hub's cache."""
    if any(file.name == config.NAME or file.suffix == ".safetensors" for file in folder.iterdir()):
        return None
    found = [*folder.glob(f"snapshots/*/{config.NAME}"), *folder.glob(f"*/{config.NAME}")]
    return max(found, key=lambda file: file.lstat().st_mtime).parent if found else None


def _files(folder: Path, deep: bool) -> Iterator[Finding]:
    if adapter := weights.adapter(folder):
        yield adapter
        return
    settings: dict[str, Any] = {}
    try:
        settings = config.read(folder)
    except Defect as defect:
        yield defect.in_file(config.NAME)
    found = Weights()
    yield from weights.look(folder, found)
    if settings:
        yield from config.look(settings, found.tensors(), found.complete)
    yield from tokenizer.look(folder, settings)
    if any((folder / ".cache" / "huggingface" / "download").glob("*.incomplete")):
        yield Finding(".cache/huggingface", "incomplete", level="note")
    if deep:
        others = sorted(file.name for file in folder.iterdir() if file.is_file() and hashes.known(folder, file.name))
        yield from hashes.look(folder, dict.fromkeys([*found.heads, *others]))


def _gguf_file(file: Path, deep: bool) -> Iterator[Finding]:
    yield from check_gguf.look(file)
    if deep:
        yield from hashes.look(file.parent, [name for name in quantised.parts(file.name) if (file.parent / name).is_file()])


def _with_commands(finding: Finding, folder: Path, pull: str) -> Finding:
    """In the hub's cache a file is a link, and what is to be removed is at its end."""
    # Not Path.resolve, which raises where a link leads to itself.
    file = Path(os.path.realpath(folder / finding.file))
    return finding.with_commands(pull=pull, again=f"rm {quoted(file)} && {pull}")


def _pull_again(folder: Path, kind: str) -> str:
    """What to type to have it fetched. A folder has no name on the hub; the release's models are known by what they are."""
    if "/" in (name := name_of(folder)):
        return f"companion model pull {name}{kind and f':{kind}'}"
    try:
        shape = Shape.of_config(config.read(folder))
    except (Defect, BadNumber, OSError):
        shape = None
    model = catalog.like(shape) if shape else None
    return f"companion model pull {model.id if model and _is_of_release(folder) else 'NAME'} --to {quoted(folder)}"


def _is_of_release(folder: Path) -> bool:
    """A base model has the same shape, but not R1's marks."""
    return "<｜Assistant｜>" in tokenizer.marks(folder) or "deepseek-r1" in name_of(folder).lower()
