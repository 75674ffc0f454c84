"""An engine that runs a loop of its own: what other threads ask is heard between two steps, and what makes no sense refused."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from itertools import count
from queue import Empty, SimpleQueue
from random import getrandbits
from time import perf_counter
from typing import Generic, NamedTuple, TypeVar

from workers.engines.base import Ended, Event, Limits, Reason, Request


class Queued:
    """A request on its way through such an engine; `order` counts them as they came."""

    __slots__ = ()
    request: Request
    order: int

    @property
    def is_background(self) -> bool:
        """Only reads its prompt, for whoever comes back with it."""
        return self.request.max_tokens == 0

    @property
    def urgency(self) -> tuple[bool, int]:
        """The smaller goes first and the largest makes room: people before background work, the older before the younger."""
        return self.is_background, self.order


class Forget(NamedTuple):
    """See `base.Forgetful`."""

    conversation: str | None


Sequence = TypeVar("Sequence", bound=Queued)


class LoopEngine(ABC, Generic[Sequence]):
    """The half of `base.Engine` that is the same for all of them. `max_banned`: a request may ban so many ids."""

    def __init__(self, limits: Limits, num_ids: int, max_banned: int | None = None) -> None:
        self.limits = limits
        self._num_ids, self._max_banned = num_ids, max_banned
        self._inbox: SimpleQueue[Request | Forget | str] = SimpleQueue()
        self._open: dict[str, Sequence] = {}
        self._orders = count()
        self._events: list[Event] = []
        self._num_steps, self._step_seconds = 0, 0.0

    def submit(self, request: Request) -> None:
        self._inbox.put(request)

    def cancel(self, id: str) -> None:
        self._inbox.put(id)

    def forget(self, conversation: str | None) -> None:
        self._inbox.put(Forget(conversation))

    def step(self, timeout: float) -> list[Event]:
        self._hear(0.0 if self._is_busy else timeout)
        if self._is_busy:
            began_at = perf_counter()
            self._run()
            self._num_steps += 1
            self._step_seconds += perf_counter() - began_at
        else:
            self._rest()
        events, self._events = self._events, []
        return events

    @property
    def _is_busy(self) -> bool:
        return bool(self._open)

    @abstractmethod
    def _begin(self, request: Request, order: int, seed: int) -> Sequence:
        """Put it into line."""

    @abstractmethod
    def _forget(self, conversation: str | None) -> None:
        """Keep nothing of it that nobody else has said too."""

    @abstractmethod
    def _run(self) -> None:
        """One step."""

    def _rest(self) -> None:
        """There is nothing to do."""

    @abstractmethod
    def _end(self, sequence: Sequence, reason: Reason, detail: str = "") -> None:
        """Wherever it is; it is told, and not open any more."""

    def _hear(self, timeout: float) -> None:
        try:
            while True:
                item = self._inbox.get(timeout > 0, timeout)
                timeout = 0.0
                if isinstance(item, Request):
                    self._take_in(item)
                elif isinstance(item, Forget):
                    self._forget(item.conversation)
                elif sequence := self._open.get(item):
                    self._end(sequence, "cancelled")
        except Empty:
            return

    def _take_in(self, request: Request) -> None:
        if refusal := self._refusal(request):
            self._events.append(Ended(request.id, "refused", refusal))
            return
        seed = getrandbits(31) if request.sampling.seed is None else request.sampling.seed & 0x7FFFFFFF
        self._open[request.id] = self._begin(request, next(self._orders), seed)

    def _refusal(self, request: Request) -> str:
        if not request.prompt or request.max_tokens < 0:
            return "an empty prompt, or less than no token wanted"
        if len(request.prompt) + request.max_tokens > self.limits.context:
            return "prompt and reply are longer than the context"
        if self._max_banned is not None and len(request.banned_ids) > self._max_banned:
            return f"more than {self._max_banned} ids are banned"
        closing = request.thought.closing if request.thought else ()
        if not all(self._knows(ids) for ids in (request.prompt, request.banned_ids, closing) if ids):
            return "there are ids that the model does not know"
        return ""

    def _knows(self, ids: Collection[int]) -> bool:
        return 0 <= min(ids) <= max(ids) < self._num_ids
