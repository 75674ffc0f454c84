"""Small models fall into loops. This notices one early, on token ids, and ends the text where a reader can bear it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

CHECK_EVERY = 8  # tokens
MAX_PERIOD = 32  # tokens; longer patterns are seen by their n-grams
MIN_REPEATED = 80  # tokens of a short pattern, all its repeats together
MIN_REPEATS = 4

GRAM = 16  # tokens
REACH = 1024  # tokens back in which an n-gram counts as seen
LOOK = 128  # newest tokens that are judged
MAX_STALE = 80  # so many of them may end an n-gram that stands there for the fourth time or more

MIN_TAIL = 48  # characters of repeated text worth dropping
MAX_BEGUN = 500  # characters of a sentence or of code that may be dropped because they have no end yet
_MAX_TAIL_PERIOD = 2000  # characters
_KEPT = MAX_PERIOD * MIN_REPEATS

_FENCE = re.compile(r"^(```|~~~)[^\n]*\n.*?(?:(?P<closed>^\1[^\n]*$)|\Z)", re.MULTILINE | re.DOTALL)
_EMOJI = "[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?"
_SENTENCE_END = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\be\.g)(?<!\bi\.e)(?<!^\d)(?<!^\d\d)"
    rf"[.!?…]+[\"'”’)\]*_]*(?=\s|$)(?: ?{_EMOJI})*|[。！？।॥؟۔]+[”’」』）*_]*(?: ?{_EMOJI})*|(?<=[^\s:：])$(?=\n)",
    re.MULTILINE,
)


class LoopDetector:
    """Says when the newest tokens only repeat earlier ones, at a constant cost a token. Each text takes a new one."""

    def __init__(self) -> None:
        self.looping = False
        self._ids: list[int] = []
        self._grams: deque[tuple[int, ...]] = deque()
        self._times: dict[tuple[int, ...], int] = {}
        self._stale = deque([False] * LOOK, maxlen=LOOK)
        self._num_stale = 0
        self._num_ids = 0

    def feed(self, ids: Iterable[int]) -> bool:
        """Take new tokens; true once they loop, and from then on."""
        self.take(ids)
        return self.looping

    def take(self, ids: Iterable[int]) -> int:
        """The same, no further than to where they loop; gives how many were taken."""
        before = self._num_ids
        for id in ids:
            self._take(id)
            if self._num_ids % CHECK_EVERY == 0 and not self.looping:
                self.looping = self._num_stale > MAX_STALE or _repeats(self._ids)
            if self.looping:
                break
        return self._num_ids - before

    def _take(self, id: int) -> None:
        self._num_ids += 1
        self._ids.append(id)
        if len(self._ids) > 2 * _KEPT:
            del self._ids[:_KEPT]
        gram = tuple(self._ids[-GRAM:])
        times = self._times[gram] = self._times.get(gram, 0) + 1
        self._grams.append(gram)
        if len(self._grams) > REACH:
            self._forget(self._grams.popleft())
        stale = times >= MIN_REPEATS
        self._num_stale += stale - self._stale[0]
        self._stale.append(stale)

    def _forget(self, gram: tuple[int, ...]) -> None:
        if self._times[gram] == 1:
            del self._times[gram]
        else:
            self._times[gram] -= 1


def _repeats(ids: list[int]) -> bool:
    """Does one short pattern, over and over, fill the end of `ids`?"""
    last, num = ids[-1], len(ids)
    for period in range(1, min(MAX_PERIOD, num - 1) + 1):
        # Most are none by their last token already.
        if ids[-1 - period] == last:
            span = max(MIN_REPEATED, MIN_REPEATS * period)
            if num >= span and ids[-span + period :] == ids[-span:-period]:
                return True
    return False


def last_whole_sentence(text: str) -> str:
    """Drop a tail that repeats itself, then what stands after the last whole sentence, line or code block.

    Text with no end in it is returned whole, and so is text that had its last end long ago: half a sentence is better than
    silence, and half of some code, or of what is written without such ends, better than the line before it.
    """
    run, period = _repeated_tail(text)
    once = len(text[: len(text) - run].rstrip())
    ends = sorted(_ends(text.rstrip()))
    # The repeated part seldom begins where a sentence does: the one it cuts through is let come to its end.
    within = [end for end in ends if once <= end < once + max(period, 1)]
    before = [end for end in ends if once - MAX_BEGUN <= end < once]
    return text[: (within[:1] or before[-1:] or [once])[0]]


def _ends(text: str) -> Iterator[int]:
    """Where it may be cut: after closed code blocks and, outside code, after sentences and whole lines."""
    blocks = list(_FENCE.finditer(text))
    yield from (block.end() for block in blocks if block["closed"])
    for match in _SENTENCE_END.finditer(text):
        if not any(block.start() < match.end() <= block.end() for block in blocks):
            yield match.end()


def _repeated_tail(text: str) -> tuple[int, int]:
    """How much of the end only repeats a pattern before it, three times or more, and how long that pattern is."""
    for period in range(1, min(len(text) // MIN_REPEATS, _MAX_TAIL_PERIOD) + 1):
        run = _run(text, period)
        if run >= max(MIN_TAIL, period * (MIN_REPEATS - 1)):
            return run, period
    return 0, 0


def _run(text: str, period: int) -> int:
    """How many characters at the end equal the one a period before."""
    last = len(text) - 1
    run = 0
    while run + period <= last and text[last - run] == text[last - run - period]:
        run += 1
    return run
