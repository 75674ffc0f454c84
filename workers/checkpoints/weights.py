"""The files of the weights: which belong to the model, whether each is whole, and whether they agree with the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workers.checkpoints.files import quoted, read_object, show_bytes
from workers.checkpoints.findings import Defect, Finding
from workers.checkpoints.headers import Head, Tensor, read_head

#: What was trained on top of a model, without the model.
ADAPTER = "adapter_model.safetensors"
INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5,6})\.safetensors", re.ASCII)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_NO_WEIGHTS = {"training_args.bin", "optimizer.pt", "scheduler.pt"}


@dataclass(slots=True)
class Weights:
    """Heads of the files that could be read. `complete` is whether all that belongs to the model was read."""

    heads: dict[str, Head] = field(default_factory=dict)
    complete: bool = True

    def tensors(self) -> dict[str, Tensor]:
        return {name: tensor for head in self.heads.values() for name, tensor in head.tensors.items()}


def readable(folder: Path) -> Weights:
    """The heads of those files of the model that can be read, whatever is wrong with the others."""
    found = Weights()
    for _ in look(folder, found):
        pass
    return found


def adapter(folder: Path) -> Finding | None:
    """Where nothing else is there."""
    if [file.name for file in folder.glob("*.safetensors")] != [ADAPTER]:
        return None
    try:
        base = read_object(folder / "adapter_config.json").get("base_model_name_or_path")
    except (Defect, OSError):
        base = None
    return Finding(ADAPTER, "adapter", {"base": base if isinstance(base, str) else "?", "folder": quoted(folder)})


def num_parameters(folder: Path) -> int:
    """Of the files that can be read."""
    return sum(tensor.count for tensor in readable(folder).tensors().values())


def num_bytes(folder: Path, itemsize: int, *, narrows: bool = False) -> int:
    """Of these weights where a number takes `itemsize` bytes; `narrows`: in the matrices of the layers a single one."""
    tensors = readable(folder).tensors()
    narrow = sum(one.count for name, one in tensors.items() if narrows and ".layers." in name and len(one.shape) == 2)
    return num_parameters(folder) * itemsize - narrow * (itemsize - 1)


def look(folder: Path, weights: Weights) -> Iterator[Finding]:
    """Fills `weights` on the way."""
    present = sorted(file.name for file in folder.iterdir() if file.name.endswith(".safetensors"))
    index: dict[str, str] | None = None
    if (folder / INDEX).exists() or (folder / INDEX).is_symlink():
        try:
            index = _index(folder / INDEX)
        except Defect as defect:
            weights.complete = False
            yield defect.in_file(INDEX)
    elif not present:
        weights.complete = False
        yield _without_any(folder)
        return
    else:
        yield from _without_index(present, weights)
    for problem in _files(folder, present, index):
        weights.complete = weights.complete and problem.what != "missing-shard"
        yield problem
    yield from _read(folder, _belonging(present, index), weights)
    yield from _twice(weights)
    if index is not None:
        yield from _compare(index, weights)


def _index(file: Path) -> dict[str, str]:
    found = read_object(file).get("weight_map")
    if not isinstance(found, dict) or not found or not all(isinstance(shard, str) for shard in found.values()):
        raise Defect("index-broken")
    for shard in found.values():
        if "/" in shard or "\\" in shard or "\0" in shard or not shard.endswith(".safetensors"):
            raise Defect("index-path", shard=shard)
    return found


def _belonging(present: list[str], index: dict[str, str] | None) -> list[str]:
    if index is not None:
        return [name for name in present if name in set(index.values())]
    return [_SINGLE] if _SINGLE in present else present


def _without_any(folder: Path) -> Finding:
    names = sorted(file.name for file in folder.iterdir() if file.name not in _NO_WEIGHTS)
    if pickles := [name for name in names if name.endswith(_PICKLES)]:
        return Finding(pickles[0], "pickle", {"folder": quoted(folder), "count": len(pickles)})
    if gguf := [name for name in names if name.endswith(".gguf")]:
        return Finding(gguf[0], "gguf")
    return Finding("*.safetensors", "no-weights", {"folder": quoted(folder)})


def _without_index(present: list[str], weights: Weights) -> Iterator[Finding]:
    if _SINGLE in present:
        return
    weights.complete = False
    yield Finding(INDEX, "no-index", {"file": present[0], "count": len(present)})
    shards = [found for name in present if (found := _SHARD.fullmatch(name))]
    for total in sorted({found[3] for found in shards}):
        have = {int(found[2]) for found in shards if found[3] == total}
        if missing := [number for number in range(1, int(total) + 1) if number not in have]:
            values: dict[str, str | int] = {"count": len(missing), "total": int(total)}
            yield Finding(f"{shards[0][1]}-{missing[0]:05}-of-{total}.safetensors", "missing-shard", values)


def _files(folder: Path, present: list[str], index: dict[str, str] | None) -> Iterator[Finding]:
    if index is None:
        wanted = set(_belonging(present, index))
    else:
        wanted = set(index.values())
        for name in sorted(wanted - set(present)):
            yield Finding(name, "missing-shard", {"count": 1, "total": len(wanted)})
        if _SINGLE in present and _SINGLE not in wanted:
            yield Finding(_SINGLE, "single-and-shards", {"folder": quoted(folder), "file": _SINGLE})
    for name in sorted(set(present) - wanted - {_SINGLE}):
        is_shard = _SHARD.fullmatch(name) is not None
        yield Finding(name, "extra-shard", {"file": quoted(folder / name)}, "error" if is_shard else "note")


def _read(folder: Path, names: list[str], weights: Weights) -> Iterator[Finding]:
    for name in names:
        try:
            head = read_head(folder / name)
        except Defect as defect:
            weights.complete = False
            yield defect.in_file(name)
            continue
        weights.heads[name] = head
        yield Finding(name, "whole", {"count": len(head.tensors), "size": show_bytes(head.num_bytes)}, "ok")


def _twice(weights: Weights) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for file, head in weights.heads.items():
        again = [name for name in head.tensors if name in seen]
        if again:
            yield Finding(file, "twice", {"tensor": again[0], "count": len(again), "other": seen[again[0]]})
        seen |= dict.fromkeys(head.tensors, file)


def _compare(index: dict[str, str], weights: Weights) -> Iterator[Finding]:
    for file, head in weights.heads.items():
        said = {tensor for tensor, shard in index.items() if shard == file}
        if lost := sorted(said - set(head.tensors)):
            yield Finding(file, "index-tensor", {"tensor": lost[0], "count": len(lost)})
        if unsaid := sorted(set(head.tensors) - said):
            yield Finding(file, "not-in-index", {"tensor": unsaid[0], "count": len(unsaid)})
