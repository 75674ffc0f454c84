"""transformers' continuous batching behind our contract, with its traps closed.

Its loop runs in a thread of its own and puts each reply so far, whole, into a queue, which `step` drains.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import getrandbits
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from workers.engines.base import Ended, EngineOptions, Event, Limits, Reason, Request, Sampling, Tokens
from workers.engines.transformers.batching import measure, start
from workers.engines.transformers.choosing import GREEDY

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CLOSE_SECONDS = 3.0
STUCK_SECONDS = 120.0
LOOP_DIED = "transformers' generation loop has died"


@dataclass(slots=True)
class _Open:
    stop_ids: frozenset[int]
    num_sent: int = 0


class TransformersEngine:
    """See `base.Engine`. When transformers' loop dies, `step` ends every request with `error`, then raises."""

    def __init__(self, model: PreTrainedModel, options: EngineOptions) -> None:
        self._manager, self._sizes = start(model, options)
        self.limits = Limits(self._sizes.context, self._sizes.requests)
        self._num_ids = model.config.get_text_config().vocab_size
        self._open: dict[str, _Open] = {}
        self._ended: list[Event] = []
        self._lock = Lock()
        self._num_batches, self._moved_at = 0, monotonic()

    def submit(self, request: Request) -> None:
        with self._lock:
            self._open[request.id] = _Open(request.stop_ids)
        if refusal := self._refusal(request):
            self._end(request.id, "refused", refusal)
            return
        accepted = self._manager.add_request(
            list(request.prompt),
            request_id=request.id,
            max_new_tokens=request.max_tokens,
            streaming=True,
            eos_token_id=sorted(request.stop_ids) or -1,
            **self._choice(request.sampling),
        )
        if accepted is None:
            self._end(request.id, "error", LOOP_DIED)

    def cancel(self, id: str) -> None:
        if id in self._open:
            self._end(id, "cancelled")
            self._manager.cancel_request(id)

    def step(self, timeout: float) -> list[Event]:
        self._raise_if_stuck()
        # Asked before the queue is drained: what a dying loop still put there must be seen.
        is_alive = self._manager.is_running()
        newest = self._drain(0.0 if self._ended else timeout)
        events = [event for output in newest.values() for event in self._read(output)]
        with self._lock:
            left = list(self._open) if not is_alive else []
        for id in left:
            self._end(id, "error", LOOP_DIED)
        with self._lock:
            ended, self._ended = self._ended, []
        if not (is_alive or events or ended):
            raise RuntimeError(LOOP_DIED)
        return events + ended

    def close(self) -> None:
        self._manager.stop(block=True, timeout=CLOSE_SECONDS, hard_stop=True)

    def fit_limits(self) -> None:
        """Lower the limits to the pool that there is, once the first generation has made it."""
        self.limits = measure(self._manager, self._sizes)

    def _refusal(self, request: Request) -> str:
        if not request.prompt or request.max_tokens < 1:
            return "an empty prompt, or no token wanted"
        if len(request.prompt) + request.max_tokens > self.limits.context:
            return "prompt and reply are longer than the context"
        if not 0 <= min(request.prompt) <= max(request.prompt) < self._num_ids:
            return "the prompt has ids that the model does not know"
        return ""

    def _choice(self, sampling: Sampling) -> dict[str, Any]:
        if sampling.temperature <= 0:
            return {"temperature": 1.0, "top_p": 1.0, "top_k": self._num_ids, "key": GREEDY}
        key = getrandbits(31) if sampling.seed is None else sampling.seed
        return {
            "temperature": float(sampling.temperature),
            "top_p": float(sampling.top_p),
            "top_k": min(sampling.top_k or self._num_ids, self._num_ids),
            "key": key & 0x7FFFFFFF | 1 << 31,
        }

    def _drain(self, timeout: float) -> dict[str, Any]:
        """The newest output of each request; each holds the whole reply so far."""
        newest = {}
        while (output := self._manager.get_result(timeout=timeout)) is not None:
            newest[output.request_id] = output
            timeout = 0.0
        return newest

    def _read(self, output: Any) -> list[Event]:
        id, ids = output.request_id, output.generated_tokens
        with self._lock:
            known = self._open.get(id)
            if known is not None and output.is_finished():
                del self._open[id]
        if known is None:
            # Cancelled in the moment in which it was taken up: such a cancel is lost.
            if not output.is_finished():
                self._manager.cancel_request(id)
            return []
        stopped = bool(ids) and ids[-1] in known.stop_ids
        new = tuple(ids[known.num_sent : len(ids) - stopped])
        known.num_sent += len(new)
        events: list[Event] = [Tokens(id, new)] if new else []
        if output.is_finished():
            reason: Reason = "error" if output.error else "stop" if stopped else "length"
            events.append(Ended(id, reason, output.error or ""))
        return events

    def _raise_if_stuck(self) -> None:
        """A kernel that never returns would look like a long wait: the loop counts its batches, and so do we."""
        count = getattr(self._manager, "current_batch", 0)
        if count != self._num_batches or not self._open:
            self._num_batches, self._moved_at = count, monotonic()
        if monotonic() - self._moved_at > STUCK_SECONDS:
            raise RuntimeError(f"transformers has not finished a step for {STUCK_SECONDS:.0f} seconds")

    def _end(self, id: str, reason: Reason, detail: str = "") -> None:
        """End a request from outside the loop, unless it has ended by itself."""
        with self._lock:
            if self._open.pop(id, None) is not None:
                self._ended.append(Ended(id, reason, detail))
