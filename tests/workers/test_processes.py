"""A worker of three processes that share an engine: seen as one, and whoever of them is killed, everybody gets one answer."""

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from bot.core.presence import Presence
from bot.core.settings import load
from tests.bot.core.test_metrics import scrape
from tests.ports import free_port
from tests.programs import ROOT, children_of, command_of, is_alive, kill, processes_of, until
from tests.sayings import SURFACE, incoming, talk
from workers.place import Place, num_processes

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")

PROCESSES, SLOTS = 3, 6
SLOW = "hello #think 8 #slow"  # some five seconds
ANSWER = "You said: hello. I am listening."
PEOPLE = [talk(str(number)) for number in range(1, SLOTS + 1)]


@pytest.fixture
def start(redis_server, store, settings):
    """Start a worker; gives it once all of its processes take part."""
    started = []

    def start(*options, **more):
        environment = os.environ | {
            "COMPANION_DATA_DIR": str(settings.data_dir),
            "COMPANION_ENGINE": "echo",
            "COMPANION_SLOTS": str(SLOTS),
            "COMPANION_WORKER_PROCESSES": str(PROCESSES),
            "COMPANION_LEASE_SECONDS": "2",
            "COMPANION_REDIS_URL": redis_server.url,
            "PYTHONPATH": str(ROOT),
            **more,
        }
        with (settings.data_dir / "worker.log").open("a") as log:
            command = [sys.executable, "-m", "workers", "run", *options]
            started.append(Worker(subprocess.Popen(command, env=environment, stderr=log)))
        until(lambda: all_slots(store) == SLOTS)
        return started[-1]

    store.add_surface(SURFACE)
    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()
    until(lambda: not processes_of(settings.data_dir))


class Worker:
    """Its first process, and what that one has started."""

    def __init__(self, process):
        self.process = process

    @property
    def siblings(self):
        return [pid for pid in children_of(self.process.pid) if "--place" in command_of(pid)]

    @property
    def engine(self):
        return next(pid for pid in children_of(self.process.pid) if "workers.engines" in command_of(pid))


def all_slots(store, what="slots"):
    return sum(getattr(worker, what) for worker in Presence(store).workers() if worker.stage == "ready")


@pytest.fixture
def ask_all(inbox, wakeups, store):
    """Everybody says something; gives when it is being answered."""

    def ask_all(text=SLOW):
        for who in PEOPLE:
            assert inbox.accept(incoming(text, who)) == "accepted"
            wakeups.send(who)
        until(lambda: all_slots(store, "busy") == SLOTS)

    return ask_all


@pytest.fixture
def all_are_answered_once(outbox, memory):
    """One final each, and each turn once in memory."""

    def all_are_answered_once(said=SLOW):
        heard = []
        until(lambda: heard.extend(outbox.fresh(100)) or len(heard) >= len(PEOPLE))
        assert Counter(entry.conversation for entry in heard + outbox.fresh(500)) == dict.fromkeys(PEOPLE, 1)
        assert {entry.event.answer for entry in heard} == {ANSWER}
        assert [[turn.said for turn in memory.recent(who)] for who in PEOPLE] == [[said]] * len(PEOPLE)

    return all_are_answered_once


def test_it_is_one_worker_with_all_the_slots_and_as_many_replies_are_made(start, ask_all, all_are_answered_once, store):
    worker = start()
    [state] = Presence(store).workers()
    ask_all()

    assert (state.stage, state.slots, len(worker.siblings)) == ("ready", SLOTS, PROCESSES - 1)
    assert [state.busy for state in Presence(store).workers()] == [SLOTS]
    all_are_answered_once()


def test_a_process_that_is_killed_is_started_again_and_its_people_are_answered(start, ask_all, all_are_answered_once, store):
    worker = start()
    ask_all()
    victim, engine = worker.siblings[0], worker.engine
    kill(victim)

    all_are_answered_once()
    until(lambda: len(worker.siblings) == PROCESSES - 1 and victim not in worker.siblings)
    until(lambda: all_slots(store) == SLOTS)
    assert worker.engine == engine


def test_a_process_that_hangs_loses_its_replies_to_the_others_and_doubles_none(start, ask_all, all_are_answered_once):
    worker = start()
    ask_all()
    victim = worker.siblings[0]
    os.kill(victim, signal.SIGSTOP)

    try:
        all_are_answered_once()
    finally:
        os.kill(victim, signal.SIGCONT)


def test_when_the_first_hangs_the_others_answer_its_people_too(start, ask_all, all_are_answered_once):
    worker = start()
    ask_all()
    os.kill(worker.process.pid, signal.SIGSTOP)

    try:
        all_are_answered_once()
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)


def test_when_the_engine_is_killed_all_processes_have_the_next_one(start, ask_all, all_are_answered_once, store):
    worker = start()
    ask_all()
    siblings = worker.siblings
    kill(worker.engine)

    all_are_answered_once()
    assert worker.siblings == siblings
    assert all_slots(store) == SLOTS


def test_when_the_first_is_killed_nothing_is_left_and_another_worker_answers(start, ask_all, all_are_answered_once, settings):
    worker = start()
    ask_all()
    others = [worker.engine, *worker.siblings]
    folder = folder_of(worker)
    kill(worker.process.pid)
    worker.process.wait()

    until(lambda: not any(map(is_alive, others)))
    until(lambda: not folder.exists())
    start()
    all_are_answered_once()


def test_told_to_end_all_of_them_finish_what_they_write(start, ask_all, all_are_answered_once, store, settings):
    worker = start("--grace", "60")
    ask_all()
    folder = folder_of(worker)
    worker.process.terminate()

    assert worker.process.wait(60) == 0
    all_are_answered_once()
    assert Presence(store).workers() == []
    assert processes_of(settings.data_dir) == []
    assert not folder.exists()
    assert "Traceback" not in (settings.data_dir / "worker.log").read_text()


def test_what_is_not_done_within_the_grace_goes_back_from_all_of_them(start, ask_all, all_are_answered_once, outbox):
    worker = start("--grace", "0.2")
    ask_all()
    worker.process.terminate()
    assert worker.process.wait(60) == 0
    assert outbox.fresh(10) == []

    start()
    all_are_answered_once()


def test_what_they_count_is_added_up_and_no_less_after_one_has_died(start, ask_all, all_are_answered_once, store):
    port = free_port()
    worker = start(COMPANION_METRICS_PORT=str(port))
    ask_all()
    until(lambda: scrape(port)[("companion_slots_busy",)] == SLOTS)
    kill(worker.siblings[0])
    all_are_answered_once()
    until(lambda: all_slots(store) == SLOTS)

    at_rest = {
        ("companion_slots",): SLOTS,
        ("companion_slots_busy",): 0,
        ("companion_engine_ready",): 1,
        ("companion_waiting_conversations", "telegram"): 0,
    }
    until(lambda: at_rest.items() <= scrape(port).items())  # they are measured once a second
    seen = scrape(port)
    assert seen[("companion_turns_total", "finished", "telegram")] == SLOTS
    assert seen[("companion_queue_wait_seconds_count", "telegram")] == SLOTS
    assert seen[("companion_retries_total",)] == SLOTS // PROCESSES
    assert seen[("companion_data_free_bytes",)] > 0


def test_where_no_socket_can_be_it_says_what_to_do(settings):
    long = settings.data_dir / ("x" * 90)
    long.mkdir()
    environment = os.environ | {"COMPANION_WORKER_PROCESSES": "2", "TMPDIR": str(long), "PYTHONPATH": str(ROOT)}
    environment |= {"COMPANION_DATA_DIR": str(settings.data_dir), "COMPANION_ENGINE": "echo"}
    command = [sys.executable, "-m", "workers", "run", "--redis-url", "redis://127.0.0.1:1"]
    for language, beginning in (
        ("en", "The processes of the worker cannot share an engine"),
        ("zh", "worker 的各个进程无法共用引擎"),
    ):
        environment["COMPANION_LANGUAGE"] = language
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

        assert ended.returncode == 1
        assert ended.stderr.startswith(beginning)
        assert "COMPANION_WORKER_PROCESSES=1" in ended.stderr
        assert list(long.iterdir()) == []


@pytest.mark.parametrize(
    ("slots", "asked", "cores", "num"),
    [
        (1, None, 8, 1),
        (32, None, 8, 1),
        (63, None, 8, 1),
        (64, None, 8, 2),
        (256, None, 16, 8),
        (256, None, 4, 4),
        (1024, None, 64, 8),
        (256, None, 1, 1),
        (256, 1, 8, 1),
        (32, 3, 1, 3),
        (2, 8, 8, 2),
    ],
)
def test_how_many_processes_there_are(monkeypatch, slots, asked, cores, num):
    monkeypatch.setattr("workers.place._num_cores", lambda: cores)

    assert num_processes(load(slots=slots, worker_processes=asked)) == num


def test_slots_are_shared_without_one_left_over():
    places = [Place("w", number, 3) for number in range(3)]

    assert [place.share(8) for place in places] == [3, 3, 2]


def folder_of(worker):
    """Where its processes find the engine."""
    [folder] = {Path(command_of(pid).split("--place ")[1].split('"')[-2]) for pid in worker.siblings}
    assert folder.parent == Path(tempfile.gettempdir())
    return folder
