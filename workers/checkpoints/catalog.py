"""The models of the R1 release, as `catalog.toml` has them, and the tables that are made from it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from workers.checkpoints.families import FAMILIES, Experts, Shape

_HEAD = (
    "| Name | Model | Made from | Family | Parameters | Weights | Memory per 1,000 tokens | Licence |\n"
    "|---|---|---|---|---|---|---|---|"
)
_SHORT_HEADS = {
    "en": "| name | model | weights | memory per 1,000 tokens | licence |\n|---|---|---|---|---|",
    "zh": "| 名字 | 模型 | 权重 | 每 1,000 词元的内存 | 许可 |\n|---|---|---|---|---|",
}


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    id: str
    base: str
    license: str
    context: int
    shape: Shape

    @property
    def is_distill(self) -> bool:
        return self.shape.experts is None

    @property
    def weight_bytes(self) -> int:
        """As published: bfloat16, and for the originals one byte a number."""
        return self.shape.parameters() * (2 if self.is_distill else 1)


@cache
def models() -> dict[str, Model]:
    return {name: _model(name, entry) for name, entry in _data()["models"].items()}


def find(name: str) -> Model | None:
    """By short name or by the hub's id, in any case of letters."""
    wanted = name.lower()
    return next((model for model in models().values() if wanted in (model.name, model.id.lower())), None)


def like(shape: Shape) -> Model | None:
    """The model of the release that has exactly this shape; R1 and R1-Zero have the same."""
    return next((model for model in models().values() if model.shape == shape), None)


def bandwidth(device: str) -> int | None:
    """GB/s of a GPU's memory by the name that its driver gives; None for one that is not in the table."""
    table: dict[str, int] = _data()["bandwidth"]
    words = f" {device} ".replace("-", " ").lower()
    known = [name for name in table if f" {name.replace('-', ' ').lower()} " in words]
    return table[max(known, key=len)] if known else None


def sampling() -> dict[str, Any]:
    return dict(_data()["sampling"])


def table() -> str:
    """The table of docs/models.md."""
    return "\n".join([_HEAD, *(_line(_cells(model)) for model in models().values())])


def short_table(language: str) -> str:
    """The table of the README in this language."""
    return "\n".join([_SHORT_HEADS[language], *(_line(_short_cells(model)) for model in models().values())])


def _cells(model: Model) -> tuple[str, ...]:
    name, link, weights, memory, license = _short_cells(model)
    shape = model.shape
    return name, link, model.base, FAMILIES[shape.family], f"{shape.parameters() / 1e9:.2f} B", weights, memory, license


def _short_cells(model: Model) -> tuple[str, str, str, str, str]:
    return (
        f"`{model.name}`",
        f"[{model.id.split('/')[1]}](https://huggingface.co/{model.id})",
        f"{model.weight_bytes / 1e9:.1f} GB",
        f"{model.shape.kv_per_token() * 1000 / 1e6:.0f} MB",
        model.license,
    )


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("workers") / "catalog.toml").read_text("utf-8"))


def _model(name: str, entry: dict[str, Any]) -> Model:
    shape = dict(entry["shape"])
    if "experts" in shape:
        shape["experts"] = Experts(**shape["experts"])
    return Model(name, **{**entry, "shape": Shape(**shape, qkv_bias=shape["family"] == "qwen2")})
