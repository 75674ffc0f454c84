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
        self._hold_nothing()

    def _hold_nothing(self) -> None:
        self._held.clear()
        self._num_steps = 0

    def feed(self, ids: Iterable[int]) -> str:
        """Many at a time are decoded at once, but for the last ones, whose bytes may want more of them."""
        kept = [id for id in ids if id not in self._dropped]
        num_at_once = len(kept) - _MAX_HELD if len(kept) > 2 * _MAX_HELD else 0
        head = [kept[:num_at_once]] if num_at_once else []
        return "".join(map(self._step, [*head, *([id] for id in kept[num_at_once:])]))

    def _step(self, ids: list[int]) -> str:
        text = self._stream.step(self._backend, ids)
        if text is not None:
            self._hold_nothing()
            return text
        self._held += ids
        self._num_steps = 1 if len(ids) > 1 else self._num_steps + 1  # what many leave open began in them
        # Bytes that never become a character would be held, and decoded again, for ever.
        return self.flush() if self._num_steps > _MAX_HELD else ""

    def flush(self) -> str:
        text = self._backend.decode(self._held, skip_special_tokens=False)
        self._restart()
        return text
