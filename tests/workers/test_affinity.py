"""Two workers with the model in the box: people come back to the one that has read them, and to the other when it is gone."""

import os
import subprocess
import sys

import pytest

from bot.core import queue
from bot.core.holders import Holders
from bot.core.presence import Presence
from bot.core.store import Keys
from tests.programs import ROOT, kill, until
from tests.sayings import SURFACE, incoming, talk


@pytest.fixture
def wakeups(redis_server, store):
    return queue.Wakeups(queue.client(redis_server.url), Holders(store))


@pytest.fixture
def workers(redis_server, store, settings):
    """Two of them, by their process ids."""
    environment = os.environ | {
        "COMPANION_DATA_DIR": str(settings.data_dir),
        "COMPANION_ENGINE": "paged",
        "COMPANION_DEVICE": "cpu",
        "COMPANION_ANSWER_TOKENS": "24",
        "COMPANION_THOUGHT_TOKENS": "24",
        "COMPANION_CONTEXT_TOKENS": "1024",
        "COMPANION_LEASE_SECONDS": "2",
        "COMPANION_REDIS_URL": redis_server.url,
        "PYTHONPATH": str(ROOT),
    }
    store.add_surface(SURFACE)
    with (settings.data_dir / "worker.log").open("a") as log:
        command = [sys.executable, "-m", "workers", "run", "--grace", "0"]
        started = [subprocess.Popen(command, env=environment, stderr=log) for _ in range(2)]
    until(lambda: sum(state.stage == "ready" for state in Presence(store).workers()) == 2, 120)
    yield {process.pid: process for process in started}
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def say(inbox, wakeups, outbox, store):
    """Say something, wait for the final, and give the process id of the worker that answered."""

    def say(text, who):
        assert inbox.accept(incoming(text, who)) == "accepted"
        wakeups.send(who)
        [entry] = until(lambda: outbox.fresh(10), 60)
        assert (entry.event.kind, entry.conversation) == ("finished", who)
        outbox.end(entry, [])
        return int(store.redis.hget(Keys(SURFACE).of(who, "state"), "holder").decode().split("-")[-2])

    return say


@pytest.mark.slow
def test_people_come_back_to_the_worker_that_has_read_them_and_to_the_other_when_it_is_killed(workers, say, memory, store):
    people = [talk(str(number)) for number in range(4)]
    homes = {who: say("hello", who) for who in people}
    for text in ("how are you?", "so"):
        assert {who: say(text, who) for who in people} == homes

    dead = homes[people[0]]
    kill(dead)
    workers[dead].wait()
    for who in people:
        assert say("are you there?", who) != dead

    assert [len(memory.recent(who)) for who in people] == [4] * 4
    until(lambda: not [key for key in store.redis.keys("companion:companion.*") if f"-{dead}-".encode() in key], 30)
