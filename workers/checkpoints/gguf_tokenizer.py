"""The tokenizer of a GGUF model: the Hugging Face files beside it, where they are; else built from what the file itself says.

What is built is asked for in the same way, so that prompts are rendered by the same code as for every other model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.checkpoints.findings import Defect
from workers.checkpoints.gguf import Head, read_head

if TYPE_CHECKING:
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

_BESIDE = ("tokenizer.json", "tokenizer_config.json")
_CONTROL, _USER_DEFINED = 3, 4
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True, slots=True)
class _Way:
    """How text is cut before words are looked up: `digits` at a time. `whole` words are taken as they are, without merges."""

    digits: str
    composes: bool = False
    whole: bool = False

    @property
    def pattern(self) -> str:
        return rf"{_WORDS}\p{{N}}{self.digits}{_REST}"


# By llama.cpp's names. A GGUF file has only the name; what stands behind it is in tokenizer.json alone.
_WAYS = {
    "qwen2": _Way("", composes=True),
    "deepseek-r1-qwen": _Way("", composes=True),
    "llama-bpe": _Way("{1,3}", whole=True),
    "llama3": _Way("{1,3}", whole=True),
}


def beside(file: Path) -> Path | None:
    """The folder of the GGUF file where the tokenizer's own files lie in it."""
    return file.parent if all((file.parent / name).is_file() for name in _BESIDE) else None


def refuse_unknown(head: Head) -> None:
    """Raises `Defect` where the file's own tokenizer cannot be built exactly."""
    kind, way = head.about.get("tokenizer.ggml.model"), head.about.get("tokenizer.ggml.pre")
    if kind != "gpt2" or way not in _WAYS or not head.tokens:
        raise Defect("gguf-tokenizer", kind=f"{str(kind)[:20]}/{str(way)[:40]}")
    if not isinstance(head.about.get("tokenizer.chat_template"), str):
        raise Defect("gguf-no-template")


def load(file: Path) -> PreTrainedTokenizerFast:
    """Of the file alone; raises `Defect`."""
    return build(read_head(file))


def build(head: Head) -> PreTrainedTokenizerFast:
    """Raises `Defect`."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    refuse_unknown(head)
    way = _WAYS[head.about["tokenizer.ggml.pre"]]
    merges = [tuple(pair.split(" ", 1)) for pair in head.about.get("tokenizer.ggml.merges", [])]
    # With the special ones, which then keep their numbers when they are added.
    words = {token: id for id, token in enumerate(head.tokens)}
    backend = Tokenizer(models.BPE(vocab=words, merges=merges, ignore_merges=way.whole))
    if way.composes:
        backend.normalizer = normalizers.NFC()
    cut = pre_tokenizers.Split(Regex(way.pattern), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    backend.add_tokens(_special(head))
    make: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = make(
        tokenizer_object=backend,
        chat_template=head.about["tokenizer.chat_template"],
        bos_token=_token(head, "bos"),
        eos_token=_token(head, "eos"),
    )
    return tokenizer


def _special(head: Head) -> list[AddedToken]:
    from tokenizers import AddedToken

    types = head.about.get("tokenizer.ggml.token_type") or []
    return [
        AddedToken(token, special=type == _CONTROL, normalized=False)
        for token, type in zip(head.tokens, types, strict=False)
        if type in (_CONTROL, _USER_DEFINED)
    ]


def _token(head: Head, name: str) -> str | None:
    id = head.about.get(f"tokenizer.ggml.{name}_token_id")
    return head.tokens[id] if type(id) is int and 0 <= id < len(head.tokens) else None
