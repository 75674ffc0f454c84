"""What people who wait are told, held against what then happens: in a simulation, for replies of any kind of length."""

import heapq
import math
import random
import statistics
from collections import deque

import pytest

from bot.core.presence import Pace, Presence, WorkerState
from bot.estimate import wait
from bot.waiting import _text
from tests.told import of_words


class Service:
    """Replies of a mean of 20 s, log-normal with that spread, in so many places at once; a line of about that length."""

    def __init__(self, spread, num_slots, line, seed):
        self.dice, self.spread, self.num_slots, self.line = random.Random(seed), spread, num_slots, line
        self.took = deque((self.reply() for _ in range(64)), maxlen=64)

    def reply(self):
        variance = math.log(1 + self.spread**2)
        return self.dice.lognormvariate(math.log(20) - variance / 2, math.sqrt(variance))

    def pace(self):
        """As a worker tells it of its last replies."""
        mean = statistics.fmean(self.took)
        spread = math.sqrt((sum((one - mean) ** 2 for one in self.took) + mean**2) / (len(self.took) + 1))
        return Pace(self.num_slots / mean, spread / mean, self.num_slots)

    def told(self, num_replies):
        """What was told now and then to whoever stood in line, with when their reply began."""
        ends = [(self.reply() * self.dice.random(), 20.0) for _ in range(self.num_slots)]
        heapq.heapify(ends)
        people, next_one, moved_at, looked_at, told, began = deque(range(self.line)), self.line, 0.0, 0.0, [], {}
        for _ in range(num_replies):
            now, took = heapq.heappop(ends)
            while looked_at < now:
                place = self.dice.randrange(len(people))
                told.append((people[place], looked_at, _text("en", {"ready"}, place, self.pace(), looked_at - moved_at)))
                looked_at += 37.0
            self.took.append(took)
            began[people.popleft()], moved_at, length = now, now, self.reply()
            heapq.heappush(ends, (now + length, length))
            for _ in range(self.dice.choice([0, 1, 2]) if 1 < len(people) < 2 * self.line else len(people) <= 1):
                people.append(next_one)
                next_one += 1
        return [(text, began[who] - at) for who, at, text in told if who in began]


@pytest.mark.parametrize("num_slots", [1, 2, 8])
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0])
def test_at_steady_load_what_is_told_is_right_nineteen_times_of_twenty(spread, num_slots):
    told = [one for line in (3, 20) for one in Service(spread, num_slots, line, seed=7).told(1500)]
    right = [least <= actual <= most for text, actual in told for least, most in [of_words(text)]]

    assert len(right) > 100
    assert sum(right) / len(right) >= 0.95


def test_one_figure_is_told_where_replies_are_alike_and_a_range_where_they_are_not():
    assert "about" in _text("en", {"ready"}, 9, Pace(0.1, 0.1, 1), 0)
    assert of_words(_text("en", {"ready"}, 9, Pace(0.1, 1.5, 1), 0)) == (20, 240)
    assert _text("zh", {"ready"}, 9, Pace(0.1, 1.5, 1), 0) == "前面还有人在等：你排在第 10 位，大概还要 20 秒–4 分钟。"
    assert _text("en", {"ready"}, 9, Pace(0.01, 1.0, 1), 0).endswith("probably 6 to 32 minutes to go.")
    assert _text("zh", {"ready"}, 9, Pace(0.01, 1.0, 1), 0).endswith("大概还要 6–32 分钟。")
    assert _text("en", {"ready"}, 0, Pace(0.01, 1.0, 2), 0) == "You are next in line, probably up to 8 minutes to go."
    assert _text("zh", {"ready"}, 0, Pace(0.01, 1.0, 2), 0) == "下一个就轮到你了，大概最多还要 8 分钟。"


def test_the_range_grows_with_how_much_replies_differ_and_shrinks_the_farther_behind_one_stands():
    def ratio(*of):
        earliest, latest = wait(*of)
        return latest / earliest

    assert ratio(9, Pace(0.1, 0.5, 1), 0) < ratio(9, Pace(0.1, 1.0, 1), 0)
    assert ratio(90, Pace(0.1, 1.0, 1), 0) < ratio(9, Pace(0.1, 1.0, 1), 0)


def test_the_pace_is_that_of_all_workers_that_are_ready(store):
    presence = Presence(store)
    assert presence.pace() is None
    for id, stage, slots, seconds, spread in (
        ("a", "ready", 2, 10.0, 5.0),
        ("b", "ready", 4, 10.0, 10.0),
        ("c", "loading", 1, 1.0, 1.0),
    ):
        presence.announce(WorkerState(id, stage, "", "echo", "bundled", slots, 0, "", seconds, spread))

    pace = presence.pace()
    assert (pace.per_second, pace.num_slots) == (pytest.approx(0.6), 6)
    assert pace.spread == pytest.approx(5 / 6)
