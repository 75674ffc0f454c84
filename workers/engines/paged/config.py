"""config.json of a checkpoint -> what our forward needs to know; or why it is not for us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.checkpoints.families import BadNumber, Shape
from workers.texts import language, say

FAMILIES = ("qwen2", "llama", "qwen3")
ROPE_TYPES = ("default", "llama3")
_LLAMA3 = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")


class NotCovered(Exception):
    """The model is of another kind; the text, given by its key, says what is unusual about it."""

    def __init__(self, what: str, **values: str) -> None:
        super().__init__(say(language(), what, **values))


@dataclass(frozen=True, slots=True)
class Rope:
    """`llama3`: factor, low and high frequency factor, original context; None without that scaling."""

    theta: float
    llama3: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """`context` is how many tokens the model was made for."""

    shape: Shape
    eps: float
    rope: Rope
    context: int


def read_config(folder: Path) -> ModelConfig:
    """Raises `NotCovered` for what only transformers can run, and for numbers that cannot be."""
    try:
        config = json.loads((folder / "config.json").read_text())
        for oddity in _oddities(config):
            raise oddity
        shape = Shape.of_config(config)
        assert shape is not None, "its family is one of ours"
        # In the order of transformers: what somebody wrote into the config of a model counts before what was there.
        rope = _rope(config.get("rope_scaling") or config.get("rope_parameters") or {}, config)
        return ModelConfig(shape, float(config["rms_norm_eps"]), rope, int(config["max_position_embeddings"]))
    except BadNumber as problem:
        raise NotCovered("odd-number", field=str(problem)) from problem
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise NotCovered("odd-config", problem=f"{type(problem).__name__}: {problem}") from problem


def _oddities(config: dict[str, Any]) -> Iterator[NotCovered]:
    if config.get("model_type") not in FAMILIES:
        yield NotCovered("odd-family", family=repr(config.get("model_type")))
    if config.get("hidden_act", "silu") != "silu":
        yield NotCovered("odd-activation", activation=repr(config["hidden_act"]))
    if config.get("quantization_config") is not None:
        yield NotCovered("odd-weights")
    if config.get("mlp_bias"):
        yield NotCovered("odd-forward-biases")
    if config.get("attention_bias") and config["model_type"] != "llama":
        yield NotCovered("odd-attention-biases")
    if config.get("use_sliding_window") or any(kind != "full_attention" for kind in config.get("layer_types") or ()):
        yield NotCovered("odd-windows")


def _rope(scaling: dict[str, Any], config: dict[str, Any]) -> Rope:
    """As published (`rope_theta` and `rope_scaling`) or as transformers 5 writes it (`rope_parameters`)."""
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind not in ROPE_TYPES:
        raise NotCovered("odd-rope", kind=repr(kind))
    if scaling.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0)) != 1.0:
        raise NotCovered("odd-rope-part")
    theta = float(scaling.get("rope_theta", config.get("rope_theta", 10_000.0)))
    if kind == "default":
        return Rope(theta)
    factor, low, high, original = (float(scaling[name]) for name in _LLAMA3)
    return Rope(theta, (factor, low, high, original))
