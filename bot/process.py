"""How a process of the front lives: it runs one adapter and ends cleanly by a signal, or with whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from types import FrameType

from bot.adapters import Run
from bot.alerts import Alerts
from bot.conduct import warn_of_changes
from bot.retention import Retention
from bot.run import Front

_LOOK_SECONDS = 1.0
_NUM_THREADS = 32
"""They wait for Redis, which writes to disk for all of them at once: a few by the number of cores would wait in turn."""
_ENDS = (signal.SIGTERM, signal.SIGHUP)


def end_by_signal() -> None:
    """SIGTERM and a closed terminal unwind the program like a normal end, so that everything it started ends too."""
    for number in _ENDS:
        signal.signal(number, _leave)


def end_with_stdin() -> None:
    """End when standard input closes: whoever started this process is gone, even by kill -9."""
    Thread(target=_wait_for_end_of_stdin, daemon=True).start()


def run_adapter(adapter: Run, front: Front) -> None:
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(_until_told(adapter, front))


async def _until_told(adapter: Run, front: Front) -> None:
    """A signal cancels, and tears nothing apart in the middle of a step: what is just being sent is sent."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None, "run by asyncio"
    for number in _ENDS:
        loop.add_signal_handler(number, task.cancel)
    loop.set_default_executor(ThreadPoolExecutor(_NUM_THREADS))
    await _looked_after(adapter, front)


def run_worker(arguments: Sequence[str], redis_url: str) -> int:
    """The other half of the program, until it ends: told to end as this process is, and not left behind by a kill -9."""
    command = [sys.executable, "-m", "workers", "run", "--with-parent", *arguments]
    environment = os.environ | {"COMPANION_REDIS_URL": redis_url}
    # A session of its own: Ctrl-C in the terminal is for this process, which passes it on.
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, start_new_session=True) as worker:
        for number in (signal.SIGINT, *_ENDS):
            signal.signal(number, lambda *_: worker.terminate())
        return worker.wait()


def run_beside(keep_alive: Callable[[], None], adapter: Run, front: Front) -> None:
    """Run an adapter while calling `keep_alive` every second on a thread."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_beside(keep_alive, adapter, front))


async def _beside(keep_alive: Callable[[], None], adapter: Run, front: Front) -> None:
    keeper = asyncio.create_task(_keep(keep_alive))
    try:
        await _looked_after(adapter, front)
    finally:
        keeper.cancel()


async def _looked_after(adapter: Run, front: Front) -> None:
    """The adapter, and beside it what tells the owners of problems and erases who is silent."""
    front.personas.all()  # told now if one is broken, not at the first message
    warn_of_changes(front.conduct)
    beside = asyncio.gather(Alerts(front).watch(), Retention(front).keep())
    try:
        await adapter(front)
    finally:
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside


async def _keep(keep_alive: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.to_thread(keep_alive)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _wait_for_end_of_stdin() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would be fatal to the interpreter's own end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
