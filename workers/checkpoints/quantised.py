"""Which of a model's GGUF files is meant: people publish one for each number of bits, and large ones in parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from workers.checkpoints.gguf import SUFFIX, Head, read_head

# Half the size of 8 bits at hardly any loss comes first; what nobody names comes after these.
_PREFERRED = ("Q4_K_M", "Q4_K_S", "Q4_0", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q3_K_M", "BF16", "F16", "F32")
_PART = re.compile(r"(.*-)(\d{5})-of-(\d{5})\.gguf", re.ASCII)
_KIND = re.compile(r"(?<![A-Za-z0-9])(?:[IT]?Q\d\w*|BF16|F16|F32)(?![A-Za-z0-9_])", re.IGNORECASE | re.ASCII)
# In folders of their own are those too large for a CPU; the others see, or were used to make the file.
_NO_MODEL = re.compile(r"/|mmproj|imatrix", re.IGNORECASE)


def split(name: str) -> tuple[str, str]:
    """`owner/model:Q8_0` is the hub's id, and the file's kind; without one it is empty."""
    id, _, kind = name.partition(":")
    return id, kind


def kind_of(name: str) -> str:
    """What stands behind the colon for the file of that name; "" where the name does not say it."""
    return next(reversed(_KIND.findall(name)), "")


def best(names: Iterable[str], kind: str = "") -> str:
    """The file of that kind, or of the kind that suits most; of a model in parts the first. "" where there is none."""
    fitting = [name for name in sorted(names) if _is_first(name) and (not kind or _is_of(name, kind))]
    return min(fitting, key=_rank, default="")


def parts(name: str) -> list[str]:
    """All files of a model whose first one is `name`."""
    found = _PART.fullmatch(name)
    if found is None:
        return [name]
    return [f"{found[1]}{number:05}-of-{found[3]}{SUFFIX}" for number in range(1, int(found[3]) + 1)]


def read_model(first: Path) -> Head:
    """What the first part says, with the tensors of all that are there; raises `Defect`."""
    there = [file for name in parts(first.name) if (file := first.parent / name).exists()]
    heads = [read_head(file) for file in there]
    tensors = {name: tensor for head in heads for name, tensor in head.tensors.items()}
    return Head(heads[0].about, tensors, sum(head.num_bytes for head in heads))


def find(place: Path, kind: str = "") -> Path | None:
    """The GGUF file that is meant by a file, or by a folder that has no other weights."""
    if not place.is_dir():
        return place if place.suffix.lower() == SUFFIX and place.exists() else None
    if not kind and any(place.glob("*.safetensors")):
        return None
    found = best((file.name for file in place.glob(f"*{SUFFIX}")), kind)
    return place / found if found else None


def _is_first(name: str) -> bool:
    found = _PART.fullmatch(name)
    return name.endswith(SUFFIX) and not _NO_MODEL.search(name) and (found is None or int(found[2]) == 1)


def _is_of(name: str, kind: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(kind)}(?![A-Za-z0-9_])", name, re.IGNORECASE) is not None


def _rank(name: str) -> int:
    return next((rank for rank, kind in enumerate(_PREFERRED) if _is_of(name, kind)), len(_PREFERRED))
