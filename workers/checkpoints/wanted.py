"""Which files of a model are fetched: safetensors or one GGUF file, what describes them, the tokenizer, and the papers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workers.checkpoints import quantised
from workers.checkpoints.findings import Defect
from workers.checkpoints.weights import ADAPTER

_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PART = re.compile(r"model-\d+-of-\d+\.safetensors")
_BESIDE = re.compile(
    r"config\.json|generation_config\.json|chat_template\.(jinja|json)"
    r"|tokenizer\.json|tokenizer_config\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json"
    r"|vocab\.(json|txt)|merges\.txt|(readme|licen[cs]e|notice|use_policy)[\w.-]*",
    re.IGNORECASE,
)
_CODE = re.compile(r"\.(py|pyc|so|sh|bin|pt|pth|pkl|ckpt)$", re.IGNORECASE)
_OTHER_WEIGHTS = re.compile(r"\.(bin|pt|pth|ckpt|gguf|onnx|h5|msgpack)$")
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class File:
    """`hash` is the SHA-256 of what git-lfs keeps, git's own of the rest; empty where the hub does not say it."""

    name: str
    size: int
    hash: str
    is_large: bool

    @classmethod
    def of(cls, sibling: Any) -> File:
        if sibling.lfs:
            return cls(sibling.rfilename, sibling.lfs.size, sibling.lfs.sha256, True)
        return cls(sibling.rfilename, sibling.size or 0, sibling.blob_id or "", False)


def choose(files: Iterable[File], model: str, kind: str = "") -> list[File]:
    """`kind` is of a GGUF file, as in `owner/model:Q8_0`. Raises `Defect` where nothing is there that Companion could load."""
    found = {file.name: file for file in files}
    weights = _quantised(found, model, kind) if kind else _weights(found) or _quantised(found, model, kind)
    if not weights:
        other = next((name for name in found if _OTHER_WEIGHTS.search(name)), "")
        raise Defect("pull-other-weights", model=model, file=other) if other else Defect("pull-no-weights", model=model)
    if weights == [ADAPTER]:
        raise Defect("pull-adapter", model=model)
    beside = [name for name in found if _BESIDE.fullmatch(name) and not _CODE.search(name)]
    return [found[name] for name in sorted({*weights, *beside})]


def _quantised(found: dict[str, File], model: str, kind: str) -> list[str]:
    """The parts of one GGUF file; none where there is not one."""
    first = quantised.best(found, kind)
    if kind and not first:
        there = sorted(name for name in found if quantised.best([name]))
        raise Defect("pull-no-such-kind", model=model, kind=kind, files=", ".join(there[:_MOST_NAMED]) or "–")
    return [name for name in quantised.parts(first) if name in found]


def _weights(found: dict[str, File]) -> list[str]:
    """As loaders choose: the whole file first, then parts with an index, then whatever there is; never from folders."""
    if _WHOLE in found:
        return [_WHOLE]
    if _INDEX in found:
        parts = [name for name in found if _PART.fullmatch(name)]
        return [_INDEX, *parts] if parts else []
    return [name for name in found if name.endswith(".safetensors") and "/" not in name]
