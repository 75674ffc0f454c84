"""What tests of adapters share: the adapter on a thread, and a worker that is the test itself."""

import asyncio
import contextlib
import threading
import time

from bot.core.lease import Leases
from bot.core.messages import Draft, Finished, Turn, new_turn_id
from bot.core.outbox import Outbox


def until(holds, seconds=60):
    """Wait for something to be true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s")


class Adapter:
    """A platform's `run` on a loop of its own thread; `stop` ends it as a signal would."""

    def __init__(self, run, front):
        self.run, self.front, self.error = run, front, None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.run(self.front))
        with contextlib.suppress(asyncio.CancelledError):
            try:
                self._loop.run_until_complete(self._task)
            except Exception as error:
                self.error = error
        self._loop.run_until_complete(self._end())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _end(self):
        """As `asyncio.run` does: what the platform's library leaves behind ends too."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def stop(self):
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(60)
        assert not self._thread.is_alive(), "the adapter does not end"


class Reply:
    """One reply in the making."""

    def __init__(self, worker, lease):
        self.worker, self.lease, self.turn, self.seq = worker, lease, new_turn_id(), 0

    @property
    def said(self):
        return "\n".join(line.said for line in self.lease.lines)

    def shows(self, answer="", thought=""):
        self.seq += 1
        where = self.lease.conversation
        asked = self.lease.lines[-1].message_id
        draft = Draft(str(where), self.turn, self.lease.fence, self.seq, not answer, thought, answer, asked)
        self.worker.outbox.publish(where, draft)

    def streams(self, text, seen, seconds=60):
        """Draft after draft, as a worker sends them, until the person sees something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.shows(text)
            if seen():
                return
            time.sleep(0.1)
        raise AssertionError("the draft is not shown")

    def ends(self, text, thought="", note=""):
        where, lines, variants, last = self.lease.conversation, self.lease.lines, (), None
        if lines[0].kind != "say" and (last := self.worker.memory.last(where)):
            lines, variants = last.lines, (*(last.variants or (last.reply,)), text)
        turn = Turn(self.turn, lines, text, time.time(), "default", note=note, variants=variants)
        count = max(1, len(variants))
        final = Finished(str(where), self.turn, lines[-1].message_id, text, thought, note, count, count, speakers=turn.speakers)
        assert self.worker.leases.commit(self.lease, final, turn, "replace" if last else "append") is not None
        return self


class Worker:
    """The test itself: it decides what is said when on a surface."""

    def __init__(self, store, vault, memory, surface):
        self.leases, self.memory = Leases(store, vault, 30, 1000), memory
        self.outbox = Outbox(store, vault, surface)

    def takes(self, where):
        return Reply(self, until(lambda: self.leases.acquire(where)))

    def says(self, where, text, **more):
        return self.takes(where).ends(text, **more)
