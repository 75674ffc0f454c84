"""Several processes of a worker at one engine: each hears of its own replies, and none suffers from what befalls another."""

import os
import signal
from socket import AF_UNIX, socket

import pytest

from bot.core.metrics import REGISTRY
from tests.workers.engines.echo_prompts import asking, text
from tests.workers.engines.test_process import ECHO, eventually, gone, seconds_until_died
from workers.engines.base import EngineOptions, Request
from workers.engines.process import EngineProcess
from workers.models import BUNDLED

ONE_AT_A_TIME = EngineOptions("echo", context=4096, requests=1)


@pytest.fixture
def address(tmp_path):
    return tmp_path / "engine"


@pytest.fixture
def door(address):
    with socket(AF_UNIX) as door:
        door.bind(str(address))
        door.listen()
        yield door


@pytest.fixture
def keep(door):
    """An engine of ours, at whose door others come in."""
    started = []

    def keep(options=ECHO):
        started.append(process := EngineProcess(options, door=door))
        process.wait_ready(120)
        return process

    yield keep
    for process in started:
        process.close()


@pytest.fixture
def visit(address):
    started = []

    def visit(options=ECHO):
        started.append(process := EngineProcess(options, keeper=address))
        return process

    yield visit
    for process in started:
        process.close()


@pytest.fixture
def start_visitor(start_script, address):
    """A process that begins so many replies, says so, and prints the last word of the last one."""

    def start_visitor(number=1):
        process = start_script(f"""
            from pathlib import Path
            from tests.workers.engines.echo_prompts import asking, text
            from workers.engines.base import EngineOptions
            from workers.engines.process import EngineProcess
            engine = EngineProcess(EngineOptions("echo"), keeper=Path({str(address)!r}))
            how = "#slow #long 999" if {number} == 1 else "#long 500"
            replies = [engine.generate(asking(how, id=str(number), max_tokens=4000)) for number in range({number})]
            first = next(iter(replies[0]))
            print("begun", flush=True)
            print(text(replies[-1]).split()[-1], flush=True)
        """)
        assert process.stdout.readline() == b"begun\n"
        return process

    return start_visitor


def counted(name):
    return REGISTRY.get_sample_value(f"companion_{name}_total")


def test_everybody_gets_their_own_words_though_they_ask_at_the_same_time(keep, visit):
    everybody = [keep(), visit(), visit()]
    replies = [process.generate(asking(f"#long {20 + number}")) for number, process in enumerate(everybody)]

    assert [text(reply).split()[-1] for reply in replies] == ["word20", "word21", "word22"]


def test_a_visitor_that_comes_late_or_early_hears_the_limits(keep, visit):
    early = visit()
    process = keep()

    assert early.wait_ready(120) == process.wait_ready(0) == visit().wait_ready(120)


def test_when_the_engine_is_killed_everybody_hears_of_it_and_has_the_next_one(keep, visit):
    everybody = [process, *_] = [keep(), visit(), visit()]
    replies = [one.generate(asking("#slow #long 999")) for one in everybody]
    for reply in replies:
        next(iter(reply))
    os.kill(process.state.pid, signal.SIGKILL)

    assert max(map(seconds_until_died, replies)) < 30
    assert ["You said: hello" in text(one.generate(asking("hello"))) for one in everybody] == [True] * 3


def test_what_befalls_the_engine_and_what_it_does_is_counted_by_its_keeper_alone(keep, visit):
    process, *visitors = keep(EngineOptions("paged", str(BUNDLED), device="cpu")), visit(), visit()
    before = counted("engine_restarts"), counted("engine_steps")
    for visitor in visitors:
        list(visitor.generate(Request("a", (1, 2, 3), 8)))
    assert eventually(lambda: process._measures._last.steps >= 16)
    assert counted("engine_steps") - before[1] == process._measures._last.steps
    os.kill(process.state.pid, signal.SIGKILL)

    assert eventually(lambda: all(one.state.name != "ready" for one in (process, *visitors)))
    assert counted("engine_restarts") - before[0] == 1


def test_a_visitor_that_ends_leaves_the_engine_to_the_others(keep, visit):
    process, visitor, other = keep(), visit(), visit()
    visitor.wait_ready(120)
    visitor.close()

    assert visitor.state.name == "closed"
    assert "You said: hello" in text(other.generate(asking("hello")))
    assert "You said: hello" in text(process.generate(asking("hello")))


def test_what_a_visitor_had_asked_for_is_cancelled_when_it_is_killed(keep, start_visitor):
    process = keep(ONE_AT_A_TIME)
    start_visitor().kill()

    assert "You said: hello" in text(process.generate(asking("hello"))), "the only slot is free again"


def test_a_visitor_that_does_not_read_holds_up_nobody(keep, start_visitor):
    """More than a socket takes in is on its way to it."""
    process = keep()
    visitor = start_visitor(number=60)
    os.kill(visitor.pid, signal.SIGSTOP)
    replies = [process.generate(asking("#long 500", id=str(number), max_tokens=4000)) for number in range(20)]

    assert [text(reply).split()[-1] for reply in replies] == ["word500"] * 20
    os.kill(visitor.pid, signal.SIGCONT)
    assert visitor.stdout.readline() == b"word500\n"


def test_an_engine_that_cannot_be_loaded_is_told_to_visitors_too(door, visit):
    visitor = visit()
    with EngineProcess(EngineOptions("transformers", "/nowhere/at-all"), door=door) as process:
        assert eventually(lambda: process.state.name == visitor.state.name == "failed", 120)

    assert visitor.state.detail == process.state.detail != ""


def test_without_a_keeper_a_visitor_waits_and_says_why(visit):
    visitor = visit()

    assert eventually(lambda: visitor.state.name == "restarting")
    assert "No such file" in visitor.state.detail


def test_the_engine_is_gone_with_its_keeper_while_others_are_there(start_script, address):
    process = start_script(f"""
        from pathlib import Path
        from socket import AF_UNIX, socket
        import time
        from workers.engines.base import EngineOptions
        from workers.engines.process import EngineProcess
        door = socket(AF_UNIX)
        door.bind({str(address)!r})
        door.listen()
        engine = EngineProcess(EngineOptions("echo"), door=door)
        engine.wait_ready(120)
        print(engine.state.pid, flush=True)
        time.sleep(600)
    """)
    pid = int(process.stdout.readline())
    with EngineProcess(ECHO, keeper=address) as visitor:
        reply = visitor.generate(asking("#slow #long 999"))
        next(iter(reply))
        process.kill()

        assert seconds_until_died(reply) < 30
    assert gone(pid)
