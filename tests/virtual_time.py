"""An event loop whose time passes only when everybody waits, threads included: ten minutes in seconds."""

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` jumps to the next timer as soon as nothing else is to be done."""

    def __init__(self):
        self._now, self.num_threads = 0.0, 0
        super().__init__(_Selector(self))

    def time(self):
        return self._now

    def pass_over(self, seconds):
        self._now += seconds

    def run_in_executor(self, executor, func, *args):
        self.num_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _):
        self.num_threads -= 1


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        if self._loop.num_threads or timeout is None:
            return super().select(timeout if timeout is None or timeout <= 0 else 1.0)  # a thread that ends wakes it
        found = super().select(0)
        if not found:
            self._loop.pass_over(max(timeout, 0.0))
        return found
