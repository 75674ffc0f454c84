"""What is to be explained: a folder, from its heads and config, or a model of the catalogue, from its shape alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workers.checkpoints import catalog, config, families, tokenizer, weights
from workers.checkpoints.catalog import Model
from workers.checkpoints.check import check
from workers.checkpoints.families import BadNumber, Shape
from workers.checkpoints.files import quoted
from workers.checkpoints.findings import Defect
from workers.checkpoints.local import name_of
from workers.checkpoints.quantised import read_model
from workers.checkpoints.weights import Weights

Kind = Literal["distill", "original", "base", "other"]
_MARK = "<｜Assistant｜>"


@dataclass(frozen=True, slots=True)
class Subject:
    """`model` is the one of the release with the same shape. `keys` are the names that show the attention's kind."""

    name: str
    kind: Kind
    shape: Shape
    model: Model | None
    weight_bytes: int
    keys: tuple[str, ...]
    place: str  # as it can be typed in a shell
    is_whole: bool = True
    context: int = 0
    is_gguf: bool = False

    @property
    def claims_original(self) -> bool:
        """The name is that of R1, and the tensors are not."""
        name = self.name.lower()
        return self.kind != "original" and "deepseek-r1" in name and "distill" not in name


def of_catalog(model: Model) -> Subject:
    kind: Kind = "distill" if model.is_distill else "original"
    names = (name for name, _ in model.shape.tensors())
    return Subject(model.id, kind, model.shape, model, model.weight_bytes, _keys(names), model.id, context=model.context)


def of_folder(folder: Path) -> Subject:
    """Raises `Defect` where nothing can be said: no config, a family that we do not know, or not one readable tensor."""
    settings, found = config.read(folder), Weights()
    problems = [finding for finding in weights.look(folder, found) if finding.level == "error"]
    tensors = found.tensors()
    if not tensors:
        raise Defect("explain-nothing", problem=problems[0].what if problems else "?")
    try:
        shape = Shape.of_config(settings)
    except BadNumber as problem:
        raise Defect("config-number", field=str(problem), value="?") from problem
    if shape is None or families.other_family(shape.family, tensors, found.complete):
        raise Defect("explain-unknown", family=str(settings.get("model_type"))[:40])
    return Subject(
        name=name_of(folder),
        kind=_kind(shape, _MARK in tokenizer.marks(folder)),
        shape=shape,
        model=catalog.like(shape),
        weight_bytes=sum(head.num_bytes for head in found.heads.values()),
        keys=_keys(tensors),
        place=quoted(folder),
        is_whole=all(finding.level != "error" for finding in check(folder)),
        context=_context(settings.get("max_position_embeddings")),
    )


def of_gguf(file: Path) -> Subject:
    """The same of a GGUF file, which is the first of its parts."""
    head = read_model(file)
    try:
        shape = head.shape()
    except BadNumber as problem:
        raise Defect("config-number", field=str(problem), value="?") from problem
    if shape is None:
        raise Defect("explain-unknown", family=head.architecture[:40])
    return Subject(
        name=file.stem,
        kind=_kind(shape, _MARK in head.tokens),
        shape=shape,
        model=catalog.like(shape),
        weight_bytes=head.num_bytes,
        keys=tuple(key for key in ("attn_q", "attn_k", "attn_v") if f"blk.0.{key}.weight" in head.tensors),
        place=quoted(file),
        is_whole=all(finding.level != "error" for finding in check(file)),
        context=head.context,
        is_gguf=True,
    )


def _kind(shape: Shape, has_mark: bool) -> Kind:
    """A base model has the shape of its distill; R1's marks are only in the distill's tokenizer."""
    if catalog.like(shape) is None:
        return "other"
    if shape.experts:
        return "original"
    return "distill" if has_mark else "base"


def _keys(names: Iterable[str]) -> tuple[str, ...]:
    shown = ("q_a_proj", "kv_a_proj_with_mqa", "kv_b_proj", "q_proj", "k_proj", "v_proj")
    parts = {part for name in names for part in name.split(".")[-2:-1]}
    return tuple(key for key in shown if key in parts)


def _context(said: object) -> int:
    return said if type(said) is int and 0 < said < 1 << 31 else 0
