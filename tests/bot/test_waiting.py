"""What people are told while they wait: the truth, soon, and with a time that is about right."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time

import pytest

from bot.core.presence import WorkerState
from bot.i18n import say
from bot.surface import Reply
from bot.waiting import Waiting
from tests.programs import ROOT, until
from tests.sayings import SURFACE, finished, incoming, talk, turn
from tests.told import of_words

LANGUAGES = ["en", "zh"]


@pytest.fixture(autouse=True)
def _is_served(store):
    store.add_surface(SURFACE)


@pytest.fixture
def looks(monkeypatch):
    """When it was looked who waits. Looks are a second apart; on a busy machine more, which says nothing against them."""
    look, at = Waiting._texts, []

    def noted(self):
        at.append(time.monotonic())
        return look(self)

    monkeypatch.setattr(Waiting, "_texts", noted)
    return at


def num_looks(looks, since, till):
    return sum(since < at <= till for at in looks)


@pytest.fixture
def texts(front, monkeypatch):
    monkeypatch.setattr("bot.waiting._AFTER_SECONDS", 0)
    return Waiting(front, SURFACE)._texts


def worker(stage="ready", reply_seconds=0.0, slots=1):
    return WorkerState("here-1-aa", stage, "", "echo", "bundled", slots, 0, "", reply_seconds, reply_seconds / 10)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("states", "key", "values"),
    [
        ([], "waiting-nobody", {}),
        ([worker("failed")], "waiting-nobody", {}),
        ([worker("loading")], "waiting-loading", {}),
        ([worker("restarting")], "waiting-loading", {}),
        ([worker()], "waiting-place", {"place": 1}),
        ([worker(reply_seconds=4)], "waiting-time", {"place": 1, "seconds": 4}),
    ],
)
def test_who_waits_is_told_why_in_their_language(front, inbox, people, texts, language, states, key, values):
    people.choose(talk(), language=language)
    inbox.accept(incoming())
    for state in states:
        front.presence.announce(state)

    assert texts() == {talk(): say(language, key, **values)}


def test_the_place_counts_everybody_who_wrote_before_on_every_surface(front, inbox, texts, store):
    from bot.core.messages import Conversation

    front.presence.announce(worker(reply_seconds=5))
    elsewhere = Conversation("discord", "7", "1", "0", "1")
    store.add_surface(elsewhere.surface)
    for conversation in (talk("1"), elsewhere, talk("2")):
        inbox.accept(incoming(conversation=conversation))
        time.sleep(0.005)

    assert texts() == {
        talk("1"): say("en", "waiting-time", place=1, seconds=5),
        talk("2"): say("en", "waiting-time", place=3, seconds=15),
    }


def test_the_time_gets_shorter_while_the_line_stands_and_never_below_what_is_likely(front, inbox, monkeypatch):
    monkeypatch.setattr("bot.waiting._AFTER_SECONDS", 0)
    front.presence.announce(worker(reply_seconds=40, slots=1))
    for person in ("1", "2"):
        inbox.accept(incoming(conversation=talk(person)))
        time.sleep(0.005)
    waiting, now, told = Waiting(front, SURFACE), [100.0], []
    monkeypatch.setattr("bot.waiting.monotonic", lambda: now[0])

    for seconds in (0, 10, 20, 35, 200):
        now[0] = 100.0 + seconds
        front.presence.announce(worker(reply_seconds=40, slots=1))
        told.append([text.rpartition("in line, ")[2] for text in waiting._texts().values()])
    assert told == [
        ["about 40 seconds to go.", "about 90 seconds to go."],
        ["about 30 seconds to go.", "about 60 seconds to go."],
        ["about 20 seconds to go.", "about 60 seconds to go."],
        ["probably 3 to 25 seconds to go.", "about 50 seconds to go."],
        ["probably 3 to 25 seconds to go.", "about 50 seconds to go."],
    ]

    inbox.stop(talk("1"))  # the next one's turn: from here on it is counted anew
    assert [*waiting._texts().values()] == [say("en", "waiting-time", place=1, seconds=40)]


def test_whoever_stands_far_behind_is_told_too(front, inbox, monkeypatch):
    monkeypatch.setattr("bot.waiting._AFTER_SECONDS", 0)
    for module in ("bot.core.inbox", "bot.waiting"):
        monkeypatch.setattr(f"{module}.NUM_PLACES", 5)
    monkeypatch.setattr("bot.waiting._LOOK_SECONDS", 0.01)
    front.presence.announce(worker())
    people = [talk(str(number)) for number in range(12)]
    for person in people:
        inbox.accept(incoming(conversation=person))
        time.sleep(0.002)
    told = []

    async def listen():
        running = asyncio.create_task(Waiting(front, SURFACE).run(lambda who, text: told.append((who, text)) or True))
        await asyncio.to_thread(until, lambda: len(told) >= 12)
        await asyncio.sleep(0.2)
        running.cancel()

    asyncio.run(listen())
    assert sorted(told, key=str) == sorted(
        ((who, say("en", "waiting-place", place=place)) for place, who in enumerate(people, 1)), key=str
    ), "each of them, in their place, and once"


def test_a_reply_that_is_being_made_is_waited_for_without_words(front, inbox, leases, texts):
    inbox.accept(incoming())
    leases.acquire(talk())
    assert texts() == {}


def test_a_reply_whose_worker_died_is_waited_for_like_one_that_never_began(front, inbox, leases, texts, store):
    from bot.core.store import Keys

    inbox.accept(incoming())
    lease = leases.acquire(talk())
    store.redis.zadd(Keys(SURFACE).pending, {str(talk()): 1})
    assert texts() == {talk(): say("en", "waiting-nobody")}

    leases.commit(lease, finished(talk()), turn(), "append")
    assert texts() == {}


class Wall:
    """A surface that writes down what it is told, and when."""

    name, draft_seconds = SURFACE, 0.0

    def __init__(self):
        self.told, self.replies = [], []

    async def show(self, conversation, draft):
        """Drafts are not looked at here."""

    async def tell_wait(self, conversation, text):
        self.told.append((time.monotonic(), conversation, text))

    async def deliver(self, conversation, reply):
        self.replies.append((time.monotonic(), conversation, reply))
        return ["m1"]


@contextlib.asynccontextmanager
async def served(front, wall):
    from bot.delivery import Delivery

    running = asyncio.create_task(Delivery(front.outbox(SURFACE), wall, front.language, Waiting(front, SURFACE)).run())
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@contextlib.contextmanager
def running_worker(redis_server, tmp_path, **settings):
    settings = {"redis_url": redis_server.url, "data_dir": tmp_path, "engine": "echo", **settings}
    environment = os.environ | {f"COMPANION_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "workers", "run", "--grace", "0"]
    process = subprocess.Popen(command, env=environment | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_nobody_there_is_told_within_five_seconds_and_the_answer_comes_when_somebody_is_back(
    make_front, redis_server, tmp_path, looks
):
    front, wall = make_front(memory_key=None), Wall()

    async def journey():
        async with served(front, wall):
            began_at = time.monotonic()
            front.inbox.accept(incoming("hello"))
            await asyncio.to_thread(until, lambda: wall.told)
            assert num_looks(looks, began_at, wall.told[0][0]) <= 4
            assert wall.told[0][1:] == (talk(), say("en", "waiting-nobody"))
            with running_worker(redis_server, tmp_path):
                await asyncio.to_thread(until, lambda: wall.replies)

    asyncio.run(journey())
    assert [type(reply) for _, _, reply in wall.replies] == [Reply]
    assert "hello" in wall.replies[0][2].text


def test_who_loses_their_worker_in_the_middle_of_a_reply_is_told_within_five_seconds(make_front, redis_server, tmp_path, looks):
    front, wall = make_front(memory_key=None), Wall()

    async def journey():
        async with served(front, wall):
            with running_worker(redis_server, tmp_path, lease_seconds=1) as worker:
                await asyncio.to_thread(until, lambda: [one for one in front.presence.workers() if one.stage == "ready"])
                front.inbox.accept(incoming("#slow #long 400 please"))
                front.wakeups.send(talk())
                await asyncio.to_thread(until, lambda: [one for one in front.presence.workers() if one.busy])
                worker.kill()
                killed_at = time.monotonic()
                nobody = say("en", "waiting-nobody")
                await asyncio.to_thread(until, lambda: [text for *_, text in wall.told if text == nobody])
                assert num_looks(looks, killed_at, wall.told[-1][0]) <= 5

    asyncio.run(journey())


def test_the_time_that_people_are_told_is_right_at_steady_load(make_front, redis_server, tmp_path):
    front, wall = make_front(memory_key=None), Wall()

    async def journey():
        async with served(front, wall):
            with running_worker(redis_server, tmp_path, slots=2):
                await asyncio.to_thread(until, lambda: [one for one in front.presence.workers() if one.stage == "ready"])
                for number in range(12):
                    conversation = talk(str(number))
                    front.inbox.accept(incoming("#slow a b", conversation))
                    front.wakeups.send(conversation)
                    await asyncio.sleep(0.1)
                await asyncio.to_thread(until, lambda: len(wall.replies) == 12, 100)

    asyncio.run(journey())
    replied_at = {conversation: at for at, conversation, _ in wall.replies}
    came_at = sorted(replied_at.values())
    each = 2 * (came_at[-1] - came_at[3]) / (len(came_at) - 4)  # two at a time
    checked = [
        (*of_words(text), replied_at[conversation] - each - at) for at, conversation, text in wall.told if "to go" in text
    ]
    assert len(checked) > 10, wall.told
    wrong = [(least, actual, most) for least, most, actual in checked if not least <= actual <= most]
    assert len(wrong) <= len(checked) / 20, wrong


def test_who_writes_in_many_chats_has_others_wait_for_no_more_than_a_share(make_front, redis_server, tmp_path):
    """Two replies at once are in the making, and one more may stand before whoever comes now: not the other nine."""
    front, wall, hog = make_front(memory_key=None), Wall(), "1002"

    def write(conversation):
        if front.inbox.accept(incoming("#slow a b", conversation)) == "accepted":
            front.wakeups.send(conversation)

    async def journey():
        async with served(front, wall):
            with running_worker(redis_server, tmp_path, slots=2):
                await asyncio.to_thread(until, lambda: [one for one in front.presence.workers() if one.stage == "ready"])
                for number in range(12):
                    write(talk(hog, str(number)))
                await asyncio.to_thread(until, lambda: [one for one in front.presence.workers() if one.busy == 2])
                write(talk())
                await asyncio.to_thread(until, lambda: len(wall.replies) == 13, 100)

    asyncio.run(journey())
    order = [conversation.person for _, conversation, _ in wall.replies]
    assert order.index(talk().person) <= 5, order
