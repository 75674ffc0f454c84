"""How much of prompts a step reads: what there is memory for, and on a CPU no more than it reads in some seconds."""

from __future__ import annotations

from time import perf_counter

MIN_CHUNK = 16
# What a step may take beside others who write, whose words wait for its end, and alone: no cancel is heard before.
_SECONDS_IN_COMPANY, _SECONDS_ALONE = 2.0, 8.0


class Pace:
    """It begins with `first` tokens, if that is given, and follows the clock from there; `most` is the limit."""

    def __init__(self, most: int, first: int | None = None) -> None:
        self._most = self._room = most
        self._chunk, self._is_timed = first or most, first is not None
        self._began_at = 0.0

    @property
    def chunk(self) -> int:
        """Tokens of the next step."""
        return min(self._chunk, self._room)

    def begin(self) -> None:
        self._began_at = perf_counter()

    def end(self, num_read: int, *, in_company: bool) -> None:
        """Of a step that has read so many tokens, and a token for others if `in_company`."""
        if not self._is_timed or not num_read:
            return
        seconds = perf_counter() - self._began_at
        limit = _SECONDS_IN_COMPANY if in_company else _SECONDS_ALONE
        if seconds > limit:
            self._chunk = max(MIN_CHUNK, self._chunk // 2)
        elif seconds < limit / 2 and num_read > self._chunk // 2:
            self._chunk = min(self._most, self._chunk * 2)

    def lessen(self) -> bool:
        """For want of memory; false where it cannot be less."""
        if self.chunk <= MIN_CHUNK:
            return False
        self._room = self.chunk // 2
        return True

    def rest(self) -> None:
        """What was short of memory is over."""
        self._room = self._most
