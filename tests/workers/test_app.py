"""The worker as a process of its own: how it starts, what it takes from the broker, how it ends."""

import os
import subprocess
import sys
import time
from queue import SimpleQueue
from types import SimpleNamespace

import pytest

from bot.core import queue
from bot.core.presence import Presence
from tests.programs import ROOT, until
from tests.sayings import SURFACE, incoming, talk
from workers.pool import Threads


@pytest.fixture
def worker(redis_server, store, settings):
    """Start a worker; gives its process once it is ready."""
    started = []

    def start(*options, waits=True):
        environment = os.environ | {
            "COMPANION_DATA_DIR": str(settings.data_dir),
            "COMPANION_ENGINE": "echo",
            "COMPANION_REDIS_URL": redis_server.url,
            "PYTHONPATH": str(ROOT),
        }
        log = (settings.data_dir / "worker.log").open("a")
        command = [sys.executable, "-m", "workers", "run", *options]
        started.append(subprocess.Popen(command, env=environment, stderr=log, stdin=subprocess.PIPE))
        log.close()
        until(lambda: not waits or [state for state in Presence(store).workers() if state.stage == "ready"])
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()


def test_a_worker_says_how_far_it_is_and_that_it_is_alive(worker, store, settings):
    worker()

    [state] = Presence(store).workers()
    assert (state.engine, state.model, state.stage, state.busy) == ("echo", "bundled", "ready", 0)
    log = (settings.data_dir / "worker.log").read_text()
    assert log.index("engine: loading") < log.index("engine: ready")


def test_a_worker_that_is_told_to_end_finishes_what_it_writes(worker, inbox, outbox, wakeups, store):
    process = worker("--grace", "60")
    _begin(inbox, wakeups, store)
    process.terminate()

    assert process.wait(60) == 0
    assert [entry.event.answer for entry in outbox.fresh(10)] == ["You said: hello. I am listening."]
    assert Presence(store).workers() == []


def test_a_worker_that_is_told_to_end_before_it_serves_ends_as_well(worker, settings):
    process = worker(waits=False)
    until(lambda: "engine: loading" in (settings.data_dir / "worker.log").read_text())
    process.terminate()

    assert process.wait(60) == 0


def test_what_is_not_done_within_the_grace_goes_back_and_another_worker_answers(worker, inbox, outbox, wakeups, store):
    process = worker("--grace", "0.2")
    _begin(inbox, wakeups, store)
    process.terminate()
    assert process.wait(60) == 0
    assert outbox.fresh(10) == []

    worker()
    assert until(lambda: outbox.fresh(10))[0].event.answer == "You said: hello. I am listening."


def test_a_worker_ends_with_whoever_started_it(worker):
    process = worker("--with-parent")
    process.stdin.close()

    assert process.wait(60) == 0


def test_a_worker_takes_nothing_but_json_from_the_broker(worker, redis_server, inbox, outbox, store, tmp_path):
    """A pickle that would run a command is thrown away unread, and the next message is answered."""
    process = worker()
    app = queue.client(redis_server.url)
    app.conf.update(task_serializer="pickle", accept_content=["pickle"])
    app.send_task(queue.REPLY, args=[_Bomb(tmp_path / "boom")], queue=queue.QUEUE, serializer="pickle")
    inbox.accept(incoming("hello"))
    queue.Wakeups(queue.client(redis_server.url)).send(talk())

    assert until(lambda: outbox.fresh(10))[0].event.answer == "You said: hello. I am listening."
    assert process.poll() is None
    assert not (tmp_path / "boom").exists()


def test_a_lost_wake_up_is_made_up_for(worker, inbox, outbox, store):
    starting_at = time.monotonic()
    worker()
    store.add_surface(SURFACE)
    inbox.accept(incoming("hello"))

    started_at = time.monotonic()
    assert until(lambda: outbox.fresh(10))[0].event.answer == "You said: hello. I am listening."
    assert time.monotonic() - started_at < 6 + (started_at - starting_at), "on a busy machine everything takes longer"


def test_a_worker_without_a_free_slot_leaves_wake_ups_to_others(worker, inbox, outbox, wakeups, store, monkeypatch):
    monkeypatch.setenv("COMPANION_SLOTS", "1")
    worker("--grace", "0.2")
    _begin(inbox, wakeups, store, "hello #slow #long 999")
    inbox.accept(incoming("hello", talk("2")))
    wakeups.send(talk("2"))
    time.sleep(1)
    assert wakeups.num_waiting() >= 1

    worker("--grace", "0.2")
    [first] = until(lambda: outbox.fresh(10))
    assert first.conversation == talk("2")


def test_celerys_loop_is_woken_whenever_a_thread_is_free():
    told = SimpleQueue()
    threads = Threads(limit=1)
    threads.register_with_event_loop(SimpleNamespace(call_soon=told.put))
    threads.start()
    applied = threads.apply_async(lambda: None)
    applied.wait()

    told.get(timeout=60)
    threads.stop()


def test_a_worker_with_another_memory_key_refuses_to_start(redis_server, store, vault, settings):
    vault.check()
    (settings.data_dir / "memory.key").unlink()
    environment = os.environ | {"COMPANION_DATA_DIR": str(settings.data_dir), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "workers", "run", "--redis-url", redis_server.url]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("The memory key does not open what is stored.")


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def _begin(inbox, wakeups, store, text="hello #think 8 #slow"):  # some five seconds
    store.add_surface(SURFACE)
    inbox.accept(incoming(text))
    wakeups.send(talk())
    until(lambda: [state for state in Presence(store).workers() if state.busy])
    time.sleep(0.3)
