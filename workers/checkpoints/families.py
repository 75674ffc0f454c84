"""The families of models that we know: which tensors they have, in which shapes, and what a token costs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Sides = tuple[int, ...]
_FIELDS = {
    "vocab": "vocab_size", "hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
    "ffn": "intermediate_size",
}  # fmt: skip
_EXPERT_FIELDS = {
    "routed": "n_routed_experts", "shared": "n_shared_experts", "active": "num_experts_per_tok", "ffn": "moe_intermediate_size",
    "dense_layers": "first_k_dense_replace", "q_rank": "q_lora_rank", "kv_rank": "kv_lora_rank",
    "rope_dim": "qk_rope_head_dim", "value_dim": "v_head_dim",
}  # fmt: skip
_MOST = 1 << 31
_MOST_LAYERS, _MOST_EXPERTS = 1000, 100_000  # the experts of all layers together
FAMILIES = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama", "deepseek_v3": "DeepSeek-V3 MoE"}


class BadNumber(ValueError):
    """A number of config.json is missing, or no number that a model could have."""


@dataclass(frozen=True, slots=True)
class Experts:
    """What a mixture of experts has besides."""

    routed: int
    shared: int
    active: int
    ffn: int
    dense_layers: int
    q_rank: int
    kv_rank: int
    rope_dim: int
    value_dim: int


@dataclass(frozen=True, slots=True)
class Shape:
    """`head_dim` is that of queries and keys."""

    family: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    tied: bool = False
    qkv_bias: bool = False
    all_bias: bool = False
    ffn_bias: bool = False
    qk_norm: bool = False
    experts: Experts | None = None

    @classmethod
    def of_config(cls, config: dict[str, Any]) -> Shape | None:
        """None for a family that we do not know; raises `BadNumber`."""
        family = config.get("model_type")
        if not isinstance(family, str) or family not in FAMILIES:
            return None
        numbers = {ours: _number(config, theirs) for ours, theirs in _FIELDS.items()}
        experts = None
        if family == "deepseek_v3":
            experts = Experts(**{ours: _number(config, theirs) for ours, theirs in _EXPERT_FIELDS.items()})
            _refuse_absurd(experts.routed * numbers["layers"], "n_routed_experts", _MOST_EXPERTS)
        _refuse_absurd(numbers["layers"], "num_hidden_layers", _MOST_LAYERS)
        return cls(
            family=family,
            **numbers,
            kv_heads=_kv_heads(config, numbers["heads"]),
            head_dim=_head_dim(config, numbers, experts),
            tied=config.get("tie_word_embeddings", False) is True,
            qkv_bias=family == "qwen2",
            all_bias=family in ("llama", "qwen3") and config.get("attention_bias") is True,
            ffn_bias=family == "llama" and config.get("mlp_bias") is True,
            qk_norm=family == "qwen3",
            experts=experts,
        )

    def tensors(self) -> Iterator[tuple[str, Sides]]:
        """Every tensor that a checkpoint of this shape has."""
        yield "model.embed_tokens.weight", (self.vocab, self.hidden)
        yield "model.norm.weight", (self.hidden,)
        if not self.tied:
            yield "lm_head.weight", (self.vocab, self.hidden)
        for layer in range(self.layers):
            for name, sides in self._layer(layer):
                yield f"model.layers.{layer}.{name}", sides

    def parameters(self) -> int:
        return sum(math.prod(sides) for _, sides in self.tensors())

    def read_per_token(self) -> int:
        """Parameters that one token's step reads: not the embedding's table, and of the experts the active ones."""
        total = self.parameters() - (0 if self.tied else self.vocab * self.hidden)
        if self.experts:
            one = 3 * self.hidden * self.experts.ffn
            total -= (self.experts.routed - self.experts.active) * one * (self.layers - self.experts.dense_layers)
        return total

    def kv_per_token(self) -> int:
        """Bytes, at two a number."""
        if self.experts:
            return 2 * self.layers * (self.experts.kv_rank + self.experts.rope_dim)
        return 2 * 2 * self.layers * self.kv_heads * self.head_dim

    def _layer(self, layer: int) -> Iterator[tuple[str, Sides]]:
        yield "input_layernorm.weight", (self.hidden,)
        yield "post_attention_layernorm.weight", (self.hidden,)
        if self.experts:
            yield from _latent_attention(self, self.experts)
            yield from _expert_layer(self, self.experts, layer)
        else:
            yield from self._attention()
            yield from _gated("mlp", self.hidden, self.ffn, self.ffn_bias)

    def _attention(self) -> Iterator[tuple[str, Sides]]:
        wide, narrow = self.heads * self.head_dim, self.kv_heads * self.head_dim
        for name, out in (("q", wide), ("k", narrow), ("v", narrow)):
            yield f"self_attn.{name}_proj.weight", (out, self.hidden)
            if self.qkv_bias or self.all_bias:
                yield f"self_attn.{name}_proj.bias", (out,)
        if self.qk_norm:
            yield "self_attn.q_norm.weight", (self.head_dim,)
            yield "self_attn.k_norm.weight", (self.head_dim,)
        yield "self_attn.o_proj.weight", (self.hidden, wide)
        if self.all_bias:
            yield "self_attn.o_proj.bias", (self.hidden,)


def family_of(names: Iterable[str]) -> str:
    """Which family the names of the tensors are of; "" for none that we know."""
    found = set(names)
    if any(".kv_a_proj_with_mqa." in name for name in found):
        return "deepseek_v3" if any("e_score_correction_bias" in name for name in found) else ""
    first = {name.removeprefix("model.layers.0.self_attn.") for name in found if name.startswith("model.layers.0.self_attn.")}
    if not first >= {"q_proj.weight", "k_proj.weight", "v_proj.weight"}:
        return ""
    if "q_norm.weight" in first:
        return "" if "q_proj.bias" in first else "qwen3"
    return "qwen2" if "q_proj.bias" in first and "o_proj.bias" not in first else "llama"


def other_family(said: str, names: Iterable[str], complete: bool) -> str:
    """The family of the tensors where it is not the one that is said; "" as long as they may be of it.

    Llama is known by what it lacks, and a half of Qwen2 may lack it too.
    """
    found = family_of(names)
    return found if found != said and (complete or found != "llama") else ""


def count_layers(names: Iterable[str]) -> int:
    numbers = [int(found[1]) for name in names if (found := re.match(r"model\.layers\.(\d{1,6})\.", name, re.ASCII))]
    return max(numbers, default=-1) + 1


def _latent_attention(shape: Shape, experts: Experts) -> Iterator[tuple[str, Sides]]:
    plain_dim = shape.head_dim - experts.rope_dim
    yield "self_attn.q_a_proj.weight", (experts.q_rank, shape.hidden)
    yield "self_attn.q_a_layernorm.weight", (experts.q_rank,)
    yield "self_attn.q_b_proj.weight", (shape.heads * shape.head_dim, experts.q_rank)
    yield "self_attn.kv_a_proj_with_mqa.weight", (experts.kv_rank + experts.rope_dim, shape.hidden)
    yield "self_attn.kv_a_layernorm.weight", (experts.kv_rank,)
    yield "self_attn.kv_b_proj.weight", (shape.heads * (plain_dim + experts.value_dim), experts.kv_rank)
    yield "self_attn.o_proj.weight", (shape.hidden, shape.heads * experts.value_dim)


def _expert_layer(shape: Shape, experts: Experts, layer: int) -> Iterator[tuple[str, Sides]]:
    if layer < experts.dense_layers:
        yield from _gated("mlp", shape.hidden, shape.ffn)
        return
    yield "mlp.gate.weight", (experts.routed, shape.hidden)
    yield "mlp.gate.e_score_correction_bias", (experts.routed,)
    yield from _gated("mlp.shared_experts", shape.hidden, experts.ffn * experts.shared)
    for expert in range(experts.routed):
        yield from _gated(f"mlp.experts.{expert}", shape.hidden, experts.ffn)


def _gated(place: str, hidden: int, ffn: int, bias: bool = False) -> Iterator[tuple[str, Sides]]:
    for name, (out, into) in {"gate": (ffn, hidden), "up": (ffn, hidden), "down": (hidden, ffn)}.items():
        yield f"{place}.{name}_proj.weight", (out, into)
        if bias:
            yield f"{place}.{name}_proj.bias", (out,)


def _number(config: dict[str, Any], name: str) -> int:
    number = config.get(name)
    # A model without dense layers or shared experts has a zero there.
    least = 0 if name in ("first_k_dense_replace", "n_shared_experts") else 1
    if type(number) is not int or not least <= number < _MOST:
        raise BadNumber(name)
    return number


def _refuse_absurd(number: int, name: str, most: int) -> None:
    if number > most:
        raise BadNumber(name)


def _kv_heads(config: dict[str, Any], heads: int) -> int:
    number = heads if config.get("num_key_value_heads") is None else _number(config, "num_key_value_heads")
    if heads % number:
        raise BadNumber("num_key_value_heads")
    return number


def _head_dim(config: dict[str, Any], numbers: dict[str, int], experts: Experts | None) -> int:
    if experts:
        return _number(config, "qk_nope_head_dim") + experts.rope_dim
    if config.get("head_dim") is not None:
        return _number(config, "head_dim")
    if numbers["hidden"] % numbers["heads"]:
        raise BadNumber("num_attention_heads")
    return numbers["hidden"] // numbers["heads"]
