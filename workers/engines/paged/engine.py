"""The paged engine's loop: hear what is asked, schedule, launch, read, tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import torch

from workers.engines.base import Ended, Limits, Reason, Request, Stats, Tokens
from workers.engines.loading import is_out_of_memory
from workers.engines.loop import LoopEngine
from workers.engines.paged.blocks import MARK_IDS, Texts, pack
from workers.engines.paged.pace import Pace
from workers.engines.paged.runner import Launch, Runner
from workers.engines.paged.sampler import MAX_BANNED
from workers.engines.paged.scheduler import Schedule, Scheduler
from workers.engines.paged.sequence import Sequence

# As many are looked at one by one.
FEW_IDS = 256
NO_NUMBER = "the model computed what is no number (NaN): its weights are damaged, or too large for this precision"
NO_MEMORY = "the device's memory is not enough for this request alone"


class PagedEngine(LoopEngine[Sequence]):
    """See `base.Engine`. `ahead` is how many steps are launched before the tokens of the first are read.

    Where memory runs out, less is run at once; where a row is no number, its request ends with `error`. Whatever else
    fails is raised by `step`: the process ends and the worker has the turns made again.
    """

    def __init__(self, runner: Runner, scheduler: Scheduler, pace: Pace, limits: Limits, num_ids: int, ahead: int = 0) -> None:
        super().__init__(limits, num_ids, MAX_BANNED)
        self._runner, self._scheduler, self._pace, self._ahead = runner, scheduler, pace, ahead
        self._flying: deque[list[Launch]] = deque()
        self._texts = Texts(scheduler.pool.block_size)

    def stats(self) -> Stats:
        scheduler, pool = self._scheduler, self._scheduler.pool
        return Stats(
            running=scheduler.num_active,
            waiting=scheduler.num_waiting,
            blocks=pool.num_blocks - 1,  # without the one for padding
            blocks_used=pool.num_blocks - 1 - pool.num_free,
            steps=self._num_steps,
            step_seconds=self._step_seconds,
            prompt_tokens=scheduler.num_prompt_tokens,
            cached_tokens=scheduler.num_cached_tokens,
            preemptions=scheduler.num_preempted,
        )

    def close(self) -> None:
        self._flying.clear()
        del self._runner
        if torch.cuda.is_available():
            # Else torch keeps it for this process.
            torch.cuda.empty_cache()

    @property
    def _is_busy(self) -> bool:
        return bool(self._open or self._flying)

    def _rest(self) -> None:
        self._pace.rest()

    def _knows(self, ids: Collection[int]) -> bool:
        if len(ids) <= FEW_IDS:
            return super()._knows(ids)
        # Prompts are long: to look at each number in Python takes as long as a layer.
        try:
            packed = pack(ids)
        except OverflowError:
            return False
        least, most = torch.frombuffer(packed, dtype=torch.int32).aminmax()
        return bool(least >= 0) and int(most) < self._num_ids

    def _begin(self, request: Request, order: int, seed: int) -> Sequence:
        sequence = Sequence(request, order, seed, pack(request.prompt))
        if len(sequence.ids) > MARK_IDS:
            sequence.hashed = self._texts.hash(sequence.ids)
        self._scheduler.add(sequence)
        return sequence

    def _forget(self, conversation: str | None) -> None:
        # How texts were hashed is soon found again.
        self._texts.clear()
        self._runner.wipe(self._scheduler.forget(conversation))

    def _run(self) -> None:
        """Launch one step, then read all but the newest `ahead`."""
        self._pace.begin()
        schedule = self._scheduler.schedule(self._pace.chunk)
        launches = self._launch(schedule)
        self._pace.end(sum(chunk.num_tokens for chunk in schedule.chunks), in_company=bool(schedule.decodes))
        if launches:
            self._flying.append(launches)
        while len(self._flying) > (self._ahead if launches else 0):
            for launch in self._flying.popleft():
                for sequence, id in zip(launch.sequences, launch.read(), strict=True):
                    self._take(sequence, id)

    def _launch(self, schedule: Schedule) -> list[Launch]:
        self._runner.place(schedule.placed)
        self._runner.grow(schedule.grown)
        launches = []
        if schedule.chunks:
            with self._making_room(self._read_less):
                launches.append(self._runner.prefill(schedule.chunks))
                self._scheduler.read(schedule.chunks)
        # Where that found no memory, one of them may have been set back.
        if decodes := [sequence for sequence in schedule.decodes if sequence.slot >= 0]:
            with self._making_room(self._write_less):
                launches.append(self._runner.decode(decodes))
                self._scheduler.written(decodes)
        for chunk in schedule.chunks:
            if chunk.sequence.is_background and not chunk.sequence.num_left:
                self._end(chunk.sequence, "length")
        return [launch for launch in launches if launch]

    @contextmanager
    def _making_room(self, ask_for_less: Callable[[], None]) -> Iterator[None]:
        """A launch that finds too little memory has not happened: the next step is a smaller one."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            ask_for_less()

    def _read_less(self) -> None:
        if not self._pace.lessen():
            self._write_less()

    def _write_less(self) -> None:
        if not self._scheduler.preempt_last():
            self._end(self._scheduler.last(), "error", NO_MEMORY)

    def _take(self, sequence: Sequence, id: int) -> None:
        if sequence.is_ended:
            return
        if id < 0:
            self._break(sequence)
            return
        sequence.take(id)
        self._scheduler.publish(sequence)
        if id in sequence.request.stop_ids:
            self._end(sequence, "stop")
            return
        self._events.append(Tokens(sequence.request.id, (id,)))
        if sequence.num_new - sequence.num_pending == sequence.request.max_tokens:
            self._end(sequence, "length")

    def _break(self, sequence: Sequence) -> None:
        self._runner.wipe(self._scheduler.remove_broken(sequence))
        self._close(sequence, "error", NO_NUMBER)

    def _end(self, sequence: Sequence, reason: Reason, detail: str = "") -> None:
        self._scheduler.remove(sequence)
        self._close(sequence, reason, detail)

    def _close(self, sequence: Sequence, reason: Reason, detail: str) -> None:
        sequence.is_ended = True
        del self._open[sequence.request.id]
        self._events.append(Ended(sequence.request.id, reason, detail))
