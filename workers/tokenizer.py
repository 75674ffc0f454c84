"""What the worker's parent process needs of a tokenizer: messages to ids, and ids to text as they come.

Two of them: a model's own, and one of plain bytes for the echo engine. Neither needs torch.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal, Protocol, Self

from bot.core.errors import CompanionError
from bot.core.texts import whole
from workers.checkpoints import gguf_tokenizer, quantised
from workers.checkpoints.findings import Defect
from workers.checkpoints.local import local
from workers.decoding import StreamDecoder
from workers.engines import echo
from workers.engines.base import Api
from workers.known import Known
from workers.neutral import Neutral
from workers.texts import language, say
from workers.thinking import CLOSE, OPEN

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

_R1_ASSISTANT = "<｜Assistant｜>"
# A model that stumbles past its own end often writes one of these, whatever its template uses.
_ENDS = ("<|EOT|>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>")


class BadTokenizer(CompanionError):
    """The model's folder has no usable tokenizer. Download the model again with all its files."""


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words, as the chat template takes them."""

    role: Literal["user", "assistant"]
    content: str


_ONE, _TWO = Message("user", "1"), Message("assistant", "2")
_SPACED = Message("user", " a b "), Message("assistant", "\n\né 1\n"), Message("user", "你好  ")  # a tokenizer may look across


class Decoder(Protocol):
    """The ids of one reply to text, as soon as it is whole. Control tokens are dropped; think tags stay, as text."""

    def feed(self, ids: Iterable[int]) -> str: ...

    def flush(self) -> str:
        """What is left at the end: half a character comes out as U+FFFD."""


class Tokenizer(Protocol):
    """`opens_thought`: the rendered prompt ends inside a thought. The think ids are None for models without them.

    `counts_exactly`: an id is a token of the model. `num_marks`: what the template adds to each turn that is remembered.
    """

    @property
    def counts_exactly(self) -> bool: ...
    @property
    def opens_thought(self) -> bool: ...
    @property
    def think_start(self) -> int | None: ...
    @property
    def think_end(self) -> int | None: ...
    @property
    def stop_ids(self) -> frozenset[int]: ...
    @property
    def num_marks(self) -> int: ...

    def knowing(self, known: Known) -> Tokenizer:
        """The same for one conversation: it looks there first, where that is quicker."""

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The prompt with the template applied, up to where the reply begins. Marks inside messages are plain text."""

    def encode(self, text: str) -> tuple[int, ...]:
        """Plain text: nothing in it becomes a control token."""

    def decoder(self) -> Decoder: ...


def load_tokenizer(engine: str, model: str, api: Api = "chat") -> Tokenizer:
    """The tokenizer of an engine and a model that is on this machine (a folder or a hub id); raises `BadTokenizer`."""
    if engine == "openai":
        from workers.engines.openai.tokenizer import ChatTokenizer, ServerTokenizer

        return ChatTokenizer() if api == "chat" else ServerTokenizer()
    return ByteTokenizer() if engine == "echo" else HuggingFaceTokenizer(model)


class ByteTokenizer:
    """Bytes of UTF-8 and R1's marks, in R1's template: for the echo engine."""

    counts_exactly = True
    opens_thought = True
    think_start: int | None = echo.THINK
    think_end: int | None = echo.END_THINK
    stop_ids = frozenset({echo.END, echo.USER, echo.ASSISTANT, echo.BEGIN})
    num_marks = 3

    def __init__(self, marks: Iterable[str] = echo.SPECIAL) -> None:
        self._neutral = Neutral(marks)

    def knowing(self, known: Known) -> Self:
        return self

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        ids = [echo.BEGIN]
        for message in messages:
            if message.role == "user":
                ids += (echo.USER, *self.encode(message.content))
            else:
                ids += (echo.ASSISTANT, *self.encode(message.content), echo.END)
        return (*ids, echo.ASSISTANT, echo.THINK, *b"\n")

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._neutral(whole(text)).encode())

    def decoder(self) -> Decoder:
        return _ByteDecoder()


class _ByteDecoder:
    _TAGS: Mapping[int, str] = {echo.THINK: OPEN, echo.END_THINK: CLOSE}

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Iterable[int]) -> str:
        return "".join(map(self._step, ids))

    def _step(self, id: int) -> str:
        return self._utf8.decode(bytes([id])) if id < 256 else self.flush() + self._TAGS.get(id, "")

    def flush(self) -> str:
        return self._utf8.decode(b"", final=True)


class HuggingFaceTokenizer:
    """A model's own tokenizer and chat template."""

    counts_exactly = True

    def __init__(self, model: str) -> None:
        self._template = _load(model)
        self._backend: Backend = self._template.backend_tokenizer
        self._marks = _marks(self._backend)
        self._neutral = Neutral(self._marks.values())
        ids = {mark: id for id, mark in self._marks.items()}
        self._marked = {mark: (id,) for mark, id in ids.items()}
        # As the tokenizer does: of two marks that begin at one place, the longer.
        self._parts = re.compile(f"({'|'.join(map(re.escape, sorted(ids, key=len, reverse=True))) or '(?!)'})").split
        self._known: Known | None = None
        self.think_start, self.think_end, self._suffix = ids.get(OPEN), ids.get(CLOSE), ""
        probe = self._probe(model)
        if self.think_start is not None and self._marks.get(probe[-1]) == _R1_ASSISTANT:
            # R1's first templates did not open the thought, and the model then often skips it.
            self._suffix = f"{OPEN}\n"
            probe = self._probe(model)
        self.opens_thought = probe[-1] == self.think_start
        ends = {ids[end] for end in _ENDS if end in ids} | {self._template.eos_token_id} - {None}
        self.stop_ids = frozenset(set(probe) - {self.think_start, self.think_end} | ends)
        self.num_marks = len(self.render([_ONE, _TWO, _ONE])) - len(self.render([_ONE])) - 2
        self._can_part = self._with(Known()).render(_SPACED) == self.render(_SPACED)

    def knowing(self, known: Known) -> Self:
        return self._with(known) if self._can_part else self

    def _with(self, known: Known) -> Self:
        other = copy(self)
        other._known = known
        return other

    def _probe(self, model: str) -> list[int]:
        """The marks that the template itself writes, in order; raises `BadTokenizer` where it cannot write a talk."""
        try:
            return [id for id in self.render([_ONE, _TWO, _ONE]) if id in self._marks] or [-1]
        except Exception as problem:  # a program in a file: what it raises is anything
            raise BadTokenizer(say(language(), "load-bad-template", model=model, problem=str(problem))) from problem

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        turns = [{"role": message.role, "content": self._plain(message.content)} for message in messages]
        text = self._template.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return self._ids(f"{text}{self._suffix}")

    def encode(self, text: str) -> tuple[int, ...]:
        return self._ids(self._plain(text))

    def decoder(self) -> Decoder:
        return StreamDecoder(self._backend, self._marks.keys() - {self.think_start, self.think_end})

    def _plain(self, text: str) -> str:
        return self._made_plain(text) if self._known is None else self._known.plain.get(text, self._made_plain)

    def _made_plain(self, text: str) -> str:
        text, normalizer = whole(text), self._backend.normalizer  # first: a look-alike must not turn into a mark afterwards
        return self._neutral(normalizer.normalize_str(text) if normalizer else text)

    def _ids(self, text: str) -> tuple[int, ...]:
        if self._known is None:
            return tuple(self._encode(text))
        known, parts = self._known.ids, filter(None, self._parts(text))
        return tuple(chain.from_iterable(self._marked.get(part) or known.get(part, self._encode) for part in parts))

    def _encode(self, text: str) -> array[int]:
        # `encode` would hold the interpreter, and with it everybody's replies, for as long as it takes.
        return array("I", self._backend.encode_batch_fast([text], add_special_tokens=False)[0].ids)


def _marks(backend: Backend) -> dict[int, str]:
    """Every added token that looks like a mark: id to text. Some models also add runs of spaces, which are text."""
    added = {id: token.content for id, token in backend.get_added_tokens_decoder().items()}
    return {id: text for id, text in added.items() if len(text) > 1 and text.strip()}


def _load(model: str) -> PreTrainedTokenizerFast:
    # Not AutoTokenizer: for R1's Llama distills it picks a class that loses spaces and Chinese in some versions.
    from transformers import PreTrainedTokenizerFast

    folder = local(model)
    if folder is None:
        raise BadTokenizer(say(language(), "load-no-folder", model=model))
    if (file := quantised.find(folder)) and not gguf_tokenizer.beside(file):
        try:
            return gguf_tokenizer.load(file)
        except Defect as defect:
            raise BadTokenizer(defect.in_file(file.name).sentence(language())) from defect
    folder = folder if folder.is_dir() else folder.parent
    if not (folder / "tokenizer.json").is_file():
        raise BadTokenizer(say(language(), "load-no-tokenizer", model=model))
    try:
        tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    except Exception as problem:  # a damaged file raises whatever its reader stumbled on, down to the bare class
        raise BadTokenizer(say(language(), "load-bad-tokenizer", model=model, problem=str(problem))) from problem
    if not tokenizer.chat_template:
        raise BadTokenizer(say(language(), "load-no-template", model=model))
    return tokenizer
