"""The audit log: what was done stays readable, whatever others try."""

import pytest

from bot.core import audit
from bot.core.audit import Audit
from tests.sayings import SURFACE


@pytest.fixture
def log(store):
    return Audit(store)


def rows(log, num=100):
    return [(entry.who, entry.what, entry.whom, entry.value) for entry in log.last(SURFACE, num)]


def test_what_was_done_is_read_oldest_first_with_redis_own_time(log, store):
    log.write(SURFACE, "telegram:1", "reset", "person:2", 3)
    log.write(SURFACE, "shell:ann", "invite")

    assert rows(log) == [("telegram:1", "reset", "person:2", "3"), ("shell:ann", "invite", "", "")]
    assert abs(log.last(SURFACE, 1)[0].at - store.redis.time()[0]) < 5
    assert rows(log, 1) == [("shell:ann", "invite", "", "")]


def test_a_surface_has_its_own_log(log):
    log.write("discord:7", "discord:1", "invite")

    assert rows(log) == []


def test_all_surfaces_that_have_a_log_are_found(log, store):
    store.add_surface("console:local")
    log.write("discord:9", "discord:1", "reset")
    log.write_refused("discord:9", "discord:2", "reset")
    log.write_refused("telegram:42", "telegram:2", "reset")

    assert log.surfaces() == ["discord:9", "telegram:42"]


def test_what_others_tried_in_vain_cannot_push_out_what_was_done(log, store, monkeypatch):
    monkeypatch.setattr(audit, "_NUM_KEPT", 100)
    log.write(SURFACE, "telegram:1", "block", "person:2")
    for _ in range(500):
        log.write_refused(SURFACE, "telegram:666", "reset")

    assert rows(log, 1000)[0] == ("telegram:1", "block", "person:2", "")
    assert rows(log, 1) == [("telegram:666", "refused reset", "", "")]
    assert store.redis.xlen(f"companion:{{{SURFACE}}}:audit-refused") < 400
