"""The tokenizer beside a server that has its own: messages to ids that are text, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from workers.engines import echo
from workers.engines.openai.ids import pack, unpack
from workers.tokenizer import ByteTokenizer, Decoder, Message

# What other models' templates are made of: nobody shall type it, whichever model the server has.
_FOREIGN = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|EOT|>")


class ServerTokenizer(ByteTokenizer):
    """For `completions`: R1's template, the thought opened in the prompt."""

    counts_exactly = False

    def __init__(self) -> None:
        super().__init__([*echo.SPECIAL, *_FOREIGN])

    def encode(self, text: str) -> tuple[int, ...]:
        return pack(bytes(super().encode(text)))

    def decoder(self) -> Decoder:
        return _Unpacked(super().decoder())


class ChatTokenizer(ServerTokenizer):
    """For `chat`: the server applies its own template, and nobody else can open or close a thought."""

    opens_thought = False
    think_start = think_end = None

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        ids = super().render(messages)
        return ids[: len(ids) - ids[::-1].index(echo.ASSISTANT)]


class _Unpacked:
    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def feed(self, ids: Iterable[int]) -> str:
        return self._decoder.feed(chain.from_iterable(map(_bytes, ids)))

    def flush(self) -> str:
        return self._decoder.flush()


def _bytes(id: int) -> Iterable[int]:
    return (id,) if id in echo.SPECIAL.values() else unpack(id)
