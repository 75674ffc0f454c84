"""The ids of one reply to text, as soon as it is whole, for every model that has a tokenizer of its own."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

_MAX_HELD = 4  # tokens; no character of UTF-8 has more bytes


class StreamDecoder:
    """See `tokenizer.Decoder`. `dropped` ids leave nothing."""

    def __init__(self, backend: Backend, dropped: Set[int]) -> None:
        self._backend, self._dropped = backend, dropped
        self._held: list[int] = []
        self._restart()

    def _restart(self) -> None:
        from tokenizers.decoders import DecodeStream

        self._stream = DecodeStream(skip_special_tokens=False)
        self._held.clear()

    def feed(self, ids: Iterable[int]) -> str:
        return "".join(self._step(id) for id in ids if id not in self._dropped)

    def _step(self, id: int) -> str:
        text = self._stream.step(self._backend, id)
        if text is not None:
            self._held.clear()
            return text
        self._held.append(id)
        # Bytes that never become a character would be held, and decoded again, for ever.
        return self.flush() if len(self._held) > _MAX_HELD else ""

    def flush(self) -> str:
        text = self._backend.decode(self._held, skip_special_tokens=False)
        self._restart()
        return text
