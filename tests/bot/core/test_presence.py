import json
import os
from dataclasses import replace

import pytest

from bot.core import presence
from bot.core.presence import Presence, WorkerState


def state(id="here-1-ab", stage="ready"):
    return WorkerState(id, stage, "", "echo", "echo", slots=4, busy=1)


@pytest.fixture(autouse=True)
def _who_was_announced_is_there():
    """For as long as in earnest."""


@pytest.fixture
def workers(store):
    return Presence(store)


def test_workers_are_seen_while_they_say_so(workers):
    workers.announce(state("b-1-x", "loading"))
    workers.announce(state("a-1-x"))
    workers.announce(state("b-1-x"))

    assert workers.workers() == [state("a-1-x"), state("b-1-x")]
    workers.leave("a-1-x")
    assert workers.workers() == [state("b-1-x")]


def test_a_worker_that_fell_silent_is_gone_and_leaves_nothing(workers, store, monkeypatch):
    monkeypatch.setattr(presence, "_SECONDS", 1)
    workers.announce(state())
    store.redis.expire(f"companion:worker:{state().id}", 0)

    assert workers.workers() == []
    assert (workers.bury(), workers.bury()) == ([state().id], [])
    assert store.redis.keys() == []


def test_what_a_newer_worker_tells_besides_is_passed_over(workers, store):
    workers.announce(state())
    name = f"companion:worker:{state().id}"
    store.redis.set(name, json.dumps(json.loads(store.redis.get(name)) | {"of_tomorrow": 1}))

    assert workers.workers() == [state()]


def test_a_worker_falls_silent_by_itself_in_seconds(workers, store):
    workers.announce(state())

    assert 0 < store.redis.ttl(f"companion:worker:{state().id}") <= 6
    assert presence.EVERY_SECONDS * 3 < 6, "one lost announcement is not a death"


def test_a_worker_of_several_processes_is_one_with_the_slots_of_all(workers):
    for process, busy, seconds in ((0, 4, 0.0), (1, 1, 2.0), (2, 0, 4.0)):
        workers.announce(replace(state(), process=process, busy=busy, reply_seconds=seconds))
    workers.announce(state("other-1-ab"))

    assert workers.workers() == [replace(state(), slots=12, busy=5, reply_seconds=3.0), state("other-1-ab")]
    assert workers.pace().num_slots == 12
    workers.leave(state().id, 1)
    assert workers.workers()[0].slots == 8


def test_a_worker_is_gone_with_the_last_of_its_processes(workers, store):
    for process in (0, 1):
        workers.announce(replace(state(), process=process))
    store.redis.expire(f"companion:worker:{state().id}:01", 0)
    assert (workers.bury(), workers.workers()) == ([], [state()])

    store.redis.expire(f"companion:worker:{state().id}", 0)
    assert (workers.bury(), workers.bury()) == ([state().id], [])
    assert store.redis.keys() == []


def test_a_worker_is_here_when_its_machine_is_this_one():
    assert state(f"{os.uname().nodename}-1-ab").is_here
    assert not state("elsewhere-1-ab").is_here
