"""The engine process dies, hangs, loses its parent, cannot load: who waits hears of it, and nothing is left behind."""

import os
import queue
import signal
import threading
import time
from pathlib import Path
from socket import socketpair

import pytest

from tests.workers.checkpoints.makers import make
from tests.workers.engines.echo_prompts import asking, text
from workers.engines.base import Ended, EngineOptions, Limits, Request
from workers.engines.errors import EngineDied, EngineLoadFailed, EngineNotReady
from workers.engines.link import Link
from workers.engines.process import EngineProcess

ECHO = EngineOptions("echo", context=4096, requests=64)


@pytest.fixture
def start():
    started = []

    def start(options=ECHO, **settings):
        started.append(process := EngineProcess(options, **settings))
        return process

    yield start
    for process in started:
        process.close()


def is_running(pid):
    """Zombies, which only wait for whoever is their parent now, do not count."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone(pid, seconds=30):
    return eventually(lambda: not is_running(pid), seconds)


def eventually(holds, seconds=30):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def seconds_until_died(generation):
    started = time.monotonic()
    with pytest.raises(EngineDied):
        list(generation)
    return time.monotonic() - started


def test_progress_is_told_in_order_and_ready_comes_with_the_limits(start):
    stages = []
    process = start(on_progress=lambda stage, detail: stages.append(stage))

    assert process.wait_ready(120) == Limits(4096, 64)
    assert process.state.name == "ready"
    assert stages == ["loading", "ready"]


def test_a_slow_reader_gets_many_steps_at_once_and_loses_none(start):
    process = start()
    generation = process.generate(asking("#long 100"))
    assert eventually(lambda: not process._life._open), "all has come"
    pieces = list(generation)

    assert text(pieces).endswith("word99 word100")
    assert len(pieces) == 1
    assert generation.ended == Ended("a", "stop")


def test_a_killed_engine_is_told_at_once_to_all_and_the_next_reply_works(start):
    process = start(heartbeat=600)  # its silence would be noticed too late
    generations = [process.generate(asking("#slow #long 999", id=str(i))) for i in range(20)]
    next(iter(generations[0]))
    os.kill(process.state.pid, signal.SIGKILL)

    assert max(map(seconds_until_died, generations)) < 30
    assert {generation.ended.reason for generation in generations} == {"error"}
    assert "You said: hello" in text(process.generate(asking("hello")))


def test_a_stopped_engine_is_replaced_within_the_heartbeat_limit(start):
    process = start(heartbeat=3)
    generation = process.generate(asking("#slow #long 999"))
    next(iter(generation))
    pid = process.state.pid
    os.kill(pid, signal.SIGSTOP)

    assert 1 < seconds_until_died(generation) < 30
    assert gone(pid)
    assert "You said: hello" in text(process.generate(asking("hello")))


def test_an_engine_is_not_taken_for_hung_while_we_are_busy_with_what_it_said(start):
    """On a slow machine, to load the tokenizer when the engine is ready takes longer than an engine may be silent."""
    is_alive = queue.SimpleQueue()

    def hear(stage, detail):
        if stage == "ready":
            time.sleep(1.5)
            is_alive.put(is_running(process.state.pid))

    process = start(heartbeat=0.5, on_progress=hear)

    assert is_alive.get(timeout=120)


def test_an_engine_that_dies_in_the_middle_of_an_answer_does_so_for_one_try_only(start, tmp_path):
    process = start()
    (tmp_path / "die").touch()
    question = asking(f"hello #die-file {tmp_path / 'die'}", max_tokens=1000)  # the path may be long

    seconds_until_died(process.generate(question))
    assert "You said: hello" in text(process.generate(question))


@pytest.fixture
def slow_to_load(tmp_path):
    """Loading takes as long as to import torch, at least."""
    return EngineOptions("transformers", str(make(tmp_path)))


def test_the_engine_is_gone_with_its_parent_in_the_middle_of_a_reply(start_script):
    process = start_script("""
        from tests.workers.engines.echo_prompts import asking
        from workers.engines.base import EngineOptions
        from workers.engines.process import EngineProcess
        engine = EngineProcess(EngineOptions("echo"))
        for ids in engine.generate(asking("#loop", max_tokens=16_000)):
            print(engine.state.pid, flush=True)
    """)
    pid = int(process.stdout.readline())
    assert is_running(pid)
    process.kill()

    assert gone(pid)


def test_the_engine_is_gone_with_its_parent_in_the_middle_of_loading(start_script, slow_to_load):
    process = start_script(f"""
        import time
        from pathlib import Path
        from workers.engines.base import EngineOptions
        from workers.engines.process import EngineProcess
        engine = EngineProcess(EngineOptions("transformers", {slow_to_load.model!r}))
        while not (pid := engine.state.pid) or "libtorch" not in Path(f"/proc/{{pid}}/maps").read_text():
            time.sleep(0.01)
        print(pid, engine.state.name, flush=True)
        time.sleep(60)
    """)
    pid, stage = process.stdout.readline().split()
    assert (is_running(int(pid)), stage) == (True, b"loading")
    process.kill()

    assert gone(int(pid))


def test_what_can_never_load_is_said_and_not_tried_again(start):
    process = start(EngineOptions("transformers", "/nowhere/at-all"))

    with pytest.raises(EngineLoadFailed, match="there is no /nowhere/at-all"):
        process.wait_ready(120)
    with pytest.raises(EngineLoadFailed):
        process.generate(asking("hello"))
    assert process.state.name == "failed"


def test_not_ready_in_time_is_an_error_of_its_own(start, slow_to_load):
    with pytest.raises(EngineNotReady, match="loading"):
        start(slow_to_load).generate(asking("hello"), timeout=0.1)


def test_close_ends_open_replies_and_leaves_no_process(start, monkeypatch):
    monkeypatch.setattr("workers.engines.process.CLOSE_SECONDS", 600)
    process = start()
    generation = process.generate(asking("#slow #long 999"))
    pid = process.state.pid
    closing = threading.Timer(0.2, process.close)
    closing.start()

    assert seconds_until_died(generation) < 30
    closing.join()
    assert not is_running(pid)
    assert process.state.name == "closed"


def test_close_while_loading_leaves_no_process(start, slow_to_load):
    process = start(slow_to_load)
    assert eventually(lambda: process.state.pid)
    pid = process.state.pid
    process.close()

    assert not is_running(pid)


def test_close_ends_a_hung_engine_too(start, monkeypatch):
    monkeypatch.setattr("workers.engines.process.CLOSE_SECONDS", 0.2)
    process = start()
    process.wait_ready(120)
    pid = process.state.pid
    os.kill(pid, signal.SIGSTOP)
    process.close()

    assert not is_running(pid)


def test_close_ends_a_hung_engine_that_has_more_to_read_than_the_wire_holds(start, monkeypatch):
    monkeypatch.setattr("workers.engines.process.CLOSE_SECONDS", 0.2)
    process = start(heartbeat=600)
    process.wait_ready(120)
    pid = process.state.pid
    os.kill(pid, signal.SIGSTOP)
    asking_long = threading.Thread(target=process.generate, args=(Request("long", (65,) * 200_000, 1),), daemon=True)
    asking_long.start()
    assert eventually(process._life._writing.locked)
    closing = threading.Thread(target=process.close, daemon=True)
    closing.start()
    closing.join(30)
    is_closed = not closing.is_alive()
    os.kill(pid, signal.SIGKILL) if not is_closed else None

    assert is_closed
    assert not is_running(pid)


def test_cancel_ends_iteration_at_once_even_when_the_engine_hangs(start):
    process = start(heartbeat=600)
    generation = process.generate(asking("#slow #long 999"))
    os.kill(process.state.pid, signal.SIGSTOP)
    threading.Timer(0.1, generation.cancel).start()
    list(generation)
    os.kill(process.state.pid, signal.SIGCONT)

    assert generation.ended == Ended("a", "cancelled")


def test_leaving_the_block_cancels_what_has_not_ended(start):
    process = start()
    with process.generate(asking("#slow #long 999")) as generation:
        next(iter(generation))
    list(generation)

    assert generation.ended == Ended("a", "cancelled")


def test_ctrl_c_in_the_terminal_does_not_reach_the_engine(start):
    process = start()
    process.wait_ready(120)
    os.kill(process.state.pid, signal.SIGINT)
    os.kill(process.state.pid, signal.SIGTERM)

    assert "You said: hello" in text(process.generate(asking("hello")))
    assert os.getsid(process.state.pid) == process.state.pid


def test_hundreds_of_replies_at_once(start):
    process = start()
    generations = [process.generate(asking(f"#long {i}", id=str(i), max_tokens=4000)) for i in range(1, 301)]

    assert [text(generation).split()[-1] for generation in generations] == [f"word{i}" for i in range(1, 301)]


class Contested(dict):
    """In the moment in which the first one is taken, somebody else takes it."""

    def somebody_else(self):
        raise AssertionError("nobody is there")

    def pop(self, *args):
        self.let_in()
        return super().pop(*args)

    def popitem(self):
        self.let_in()
        return super().popitem()

    def let_in(self):
        call, self.somebody_else = self.somebody_else, lambda: None
        call()


def test_a_reply_that_is_cancelled_in_the_moment_in_which_its_engine_is_gone_holds_up_nothing():
    ours, theirs = socketpair()
    theirs.close()
    link = Link(ours)
    link._open = Contested()
    generation = link.begin(asking("hello"))
    link._open.somebody_else = generation.cancel
    link.bury()

    assert list(generation) == []
    assert generation.ended == Ended("a", "cancelled")
