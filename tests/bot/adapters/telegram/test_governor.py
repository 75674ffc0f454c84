"""The governor on a clock of its own: budgets, shedding, bans, and ten minutes of two hundred chats."""

import asyncio
import heapq
import itertools
from functools import partial

import pytest
from telegram.error import Forbidden, RetryAfter

from bot.adapters.telegram.governor import Governor, Shed, TooSoon
from bot.adapters.telegram.keeping import TelegramKeeping
from bot.core import metrics


@pytest.fixture(autouse=True)
def _quiet_library(monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


class NoBans:
    def __init__(self):
        self.kept = {}

    async def load(self):
        return dict(self.kept)

    async def keep(self, chat, seconds):
        self.kept[chat] = seconds


class Clock:
    """Time passes when everybody sleeps."""

    def __init__(self):
        self.now, self._sleepers, self._numbers = 0.0, [], itertools.count()

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(seconds, 1e-6), next(self._numbers), woken))
        await woken

    async def run(self, *works):
        tasks = [asyncio.ensure_future(work) for work in works]
        while not all(task.done() for task in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._sleepers and not all(task.done() for task in tasks):
                self.now, _, woken = heapq.heappop(self._sleepers)
                if not woken.done():
                    woken.set_result(None)
        return [task.result() for task in tasks]


class Bench:
    """Calls that go through the governor and note when they were made."""

    def __init__(self, bans=None):
        self.clock, self.made = Clock(), []
        self.governor = Governor(bans or NoBans(), clock=self.clock, sleep=self.clock.sleep)
        self.answer = None

    async def call(self, chat, priority=None, endpoint="sendMessage"):
        async def made():
            self.made.append((self.clock.now, chat))
            if self.answer is not None:
                raise self.answer
            return True

        return await self.governor.process_request(made, (), {}, endpoint, {"chat_id": chat}, priority)

    def run(self, *works):
        return asyncio.run(self.clock.run(*works))


def test_a_private_chat_gets_a_burst_and_then_one_a_second():
    bench = Bench()
    bench.run(*(bench.call(1) for _ in range(6)))
    times = [at for at, _ in bench.made]
    assert times[:3] == [0, 0, 0]
    assert all(b - a >= 1 for a, b in itertools.pairwise(times[2:]))


def test_a_group_gets_no_more_than_twenty_in_any_minute():
    bench = Bench()

    async def many():
        for _ in range(60):
            await bench.call(-1)

    bench.run(many())
    times = [at for at, _ in bench.made]
    assert max(sum(start <= at < start + 60 for at in times) for start in times) <= 20


def test_one_chat_that_waits_holds_up_no_other():
    bench = Bench()
    bench.run(*(bench.call(1) for _ in range(8)), bench.call(2))
    assert (0.0, 2) in bench.made


def test_all_chats_together_keep_to_what_a_bot_may():
    bench = Bench()
    bench.run(*(bench.call(chat) for chat in range(1, 80)))
    times = [at for at, _ in bench.made]
    assert max(sum(start <= at < start + 1 for at in times) for start in times) <= 30


def test_what_only_pleases_the_eye_is_shed_rather_than_late_and_leaves_room_for_what_must_arrive():
    bench = Bench()

    async def story():
        await bench.call(1, "cosmetic")
        await bench.call(1, "cosmetic")
        with pytest.raises(Shed):
            await bench.call(1, "cosmetic")
        await bench.call(1)

    bench.run(story())
    assert [at for at, _ in bench.made] == [0, 0, 0]


def test_a_ban_is_honoured_in_full_by_that_chat_alone():
    bench = Bench()

    async def story():
        bench.answer = RetryAfter(4)
        with pytest.raises(RetryAfter):
            await bench.call(1)
        bench.answer = None
        with pytest.raises(Shed):
            await bench.call(1, "cosmetic")
        await bench.call(2)
        await bench.call(1)

    bench.run(story())
    assert bench.made == [(0, 1), (0, 2), (4, 1)]


@pytest.mark.parametrize(("answer", "why"), [(partial(RetryAfter, 1), "limit"), (partial(Forbidden, "blocked"), "forbidden")])
def test_refusals_are_counted(answer, why):
    bench, counted = Bench(), metrics.REFUSED_CALLS.labels("telegram", why)
    bench.answer, before = answer(), counted._value.get()
    with pytest.raises(answer.func):
        bench.run(bench.call(1))
    assert counted._value.get() == before + 1


def test_waits_are_counted_with_their_seconds():
    bench = Bench()

    def counted(what):
        return metrics.REGISTRY.get_sample_value(f"companion_limit_wait_seconds_{what}", {"platform": "telegram"}) or 0

    count, seconds = counted("count"), counted("sum")
    bench.run(*(bench.call(1) for _ in range(5)))
    assert counted("count") == count + 2
    assert counted("sum") - seconds == pytest.approx(bench.made[-2][0] + bench.made[-1][0])


def test_a_long_ban_is_told_at_once_instead_of_holding_a_task():
    bench = Bench()

    async def story():
        bench.answer = RetryAfter(250)
        with pytest.raises(RetryAfter):
            await bench.call(1)
        with pytest.raises(TooSoon) as told:
            await bench.call(1)
        return told.value.seconds

    assert bench.run(story()) == [250]
    assert len(bench.made) == 1


def test_after_a_ban_a_chat_goes_slower_for_a_while():
    bench = Bench()

    async def story():
        bench.answer = RetryAfter(2)
        with pytest.raises(RetryAfter):
            await bench.call(1)
        bench.answer = None
        for _ in range(8):
            await bench.call(1)

    bench.run(story())
    times = [at for at, _ in bench.made]
    assert times[-1] - times[-2] >= 2


def test_a_ban_outlives_the_process():
    bans = NoBans()
    first = Bench(bans)
    first.answer = RetryAfter(100)
    with pytest.raises(RetryAfter):
        first.run(first.call(7))

    second = Bench(bans)
    asyncio.run(second.governor.initialize())
    with pytest.raises(TooSoon):
        second.run(second.call(7))
    assert second.made == []


def test_bans_are_kept_in_redis_until_they_are_over(store):
    keeping = TelegramKeeping(store, "telegram:42")

    async def story():
        await keeping.keep(7, 100.0)
        await keeping.keep(8, -1.0)
        return await keeping.load()

    left = asyncio.run(story())
    assert list(left) == [7]
    assert 90 < left[7] <= 100
    assert store.redis.hlen("companion:{telegram:42}:bans:telegram") == 1


def test_calls_without_a_chat_are_never_held_up():
    bench = Bench()

    async def answered():
        return True

    async def story():
        for _ in range(100):
            await bench.governor.process_request(answered, (), {}, "answerCallbackQuery", {}, None)
        return bench.clock.now

    assert bench.run(story()) == [0]
