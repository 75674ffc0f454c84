"""Last tries are made one at a time, in all processes that share an engine."""

import pytest

from workers.last_tries import LastTries


@pytest.fixture(params=["one process", "two processes"])
def pair(request, tmp_path):
    if request.param == "one process":
        only = LastTries()
        return only, only
    return LastTries(tmp_path), LastTries(tmp_path)  # each opens the file for itself, as two processes do


def test_while_one_is_made_no_other_begins(pair):
    first, second = pair
    with first.begin() as may_first, second.begin() as may_second:
        assert (may_first, may_second) == (True, False)


def test_the_next_may_begin_when_it_is_over_or_was_not_allowed(pair):
    first, second = pair
    with first.begin(), second.begin():
        pass
    with second.begin() as may_begin:
        assert may_begin
    with first.begin() as may_begin:
        assert may_begin
