"""What a step reads of prompts: as much as is read in some seconds, and as there is memory for."""

import pytest

from workers.engines.paged import pace as pacing
from workers.engines.paged.pace import MIN_CHUNK, Pace


@pytest.fixture
def sizes(monkeypatch):
    """The sizes of steps on a machine that takes so many seconds for a token."""

    def sizes(pace, seconds, num_steps=12, in_company=False):
        now = [0.0]
        monkeypatch.setattr(pacing, "perf_counter", lambda: now[0])
        read = []
        for _ in range(num_steps):
            pace.begin()
            read.append(pace.chunk)
            now[0] += seconds * pace.chunk
            pace.end(pace.chunk, in_company=in_company)
        return read

    return sizes


def test_a_quick_machine_soon_reads_all_it_may(sizes):
    assert sizes(Pace(256, 64), 0.001)[:4] == [64, 128, 256, 256]


@pytest.mark.parametrize("in_company", [False, True])
@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.1, 1.0, 10.0])
def test_a_slow_one_comes_to_rest_where_a_step_is_not_too_long(sizes, seconds, in_company):
    limit = pacing._SECONDS_IN_COMPANY if in_company else pacing._SECONDS_ALONE
    [*_, before, last] = sizes(Pace(256, 64), seconds, in_company=in_company)
    assert before == last
    assert last * seconds <= limit or last == MIN_CHUNK
    assert last in (MIN_CHUNK, 256) or last * seconds >= limit / 2


def test_beside_others_who_write_it_reads_less(sizes):
    pace = Pace(256, 64)
    assert sizes(pace, 0.025)[-1] == 256
    assert sizes(pace, 0.025, in_company=True)[-1] == 64


def test_a_short_prompt_that_took_little_says_nothing_of_a_long_one(monkeypatch):
    pace = Pace(256, 64)
    pace.begin()
    pace.end(10, in_company=False)
    assert pace.chunk == 64
    pace.end(0, in_company=False)
    assert pace.chunk == 64


def test_a_device_that_takes_all_there_is_room_for_does_not_look_at_the_clock(sizes):
    assert set(sizes(Pace(2048), 60.0)) == {2048}


def test_for_want_of_memory_it_is_less_until_there_is_nothing_to_do():
    pace = Pace(64)
    assert [pace.lessen() for _ in range(3)] == [True, True, False]
    assert pace.chunk == 16
    pace.rest()
    assert pace.chunk == 64
