import base64
import json

import pytest
from kombu import Consumer

from bot.core import queue
from bot.core.holders import Holders
from bot.core.presence import Presence, WorkerState
from bot.core.store import Keys
from tests.programs import until
from tests.sayings import SURFACE, incoming, talk


@pytest.fixture
def app(redis_server):
    app = queue.client(redis_server.url)
    yield app
    app.close()


def test_a_wake_up_carries_nothing_but_the_conversations_name(app, store):
    queue.Wakeups(app).send(talk())

    [message] = store.redis.lrange("companion:companion", 0, -1)
    message = json.loads(message)
    assert (message["content-type"], message["headers"]["task"]) == ("application/json", "companion.reply")
    assert queue.REPLY == "companion.reply"
    body = json.loads(base64.b64decode(message["body"]))
    assert body[:2] == [[str(talk())], {}]


def test_all_keys_of_celery_stand_beside_ours(app, store):
    queue.Wakeups(app).send(talk())

    assert [key for key in store.redis.scan_iter() if not key.startswith(b"companion:")] == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix://:pw@/tmp/a%20b/redis.sock", "redis+socket://:pw@/tmp/a%20b/redis.sock"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("rediss://:pw@host", "rediss://:pw@host"),
    ],
)
def test_the_broker_is_the_same_place_in_its_own_spelling(url, expected):
    assert queue.broker_url(url) == expected


def test_making_a_client_connects_to_nothing():
    queue.client("redis://192.0.2.1:6379/0").close()


def test_nothing_but_json_is_taken_and_nothing_is_acknowledged_late(app):
    assert (app.conf.accept_content, app.conf.task_serializer, app.conf.task_acks_late) == (["json"], "json", False)
    assert app.conf.broker_connection_max_retries is None, "a worker never gives up on Redis"


def test_wake_ups_that_nobody_has_taken_are_counted(app, store):
    wakeups = queue.Wakeups(app)
    assert wakeups.num_waiting() == 0
    wakeups.send(talk())
    wakeups.send(talk("2"))

    assert wakeups.num_waiting() == 2


def test_what_a_worker_took_is_written_down_nowhere_and_goes_back_when_it_ends(app, store):
    wakeups = queue.Wakeups(app)
    for number in range(5):
        wakeups.send(talk(str(number)))
    with app.connection_for_read() as connection:
        channel = connection.channel()
        channel.basic_qos(0, 2, False)
        with Consumer(channel, queues=[app.amqp.queues[queue.QUEUE]], on_message=lambda _: None):
            for _ in range(2):
                connection.drain_events(timeout=5)
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.2)
        assert wakeups.num_waiting() == 3, "no more than it may have at once"
        assert not [key for key in store.redis.scan_iter() if b"unacked" in key]
        channel.close()
    assert wakeups.num_waiting() == 5


def announce(store, id, busy=0, stage="ready"):
    Presence(store).announce(WorkerState(id, stage, "", "paged", "bundled", slots=2, busy=busy, keeps=True))


def hold(store, who, worker):
    store.redis.hset(Keys(SURFACE).of(who, "state"), "holder", worker)


def woken(store):
    """Conversations in each queue."""
    bodies = {name: store.redis.lrange(name, 0, -1) for name in store.redis.keys("companion:companion*")}
    return {
        name.decode().removeprefix("companion:"): [
            json.loads(base64.b64decode(json.loads(one)["body"]))[0][0] for one in reversed(found)
        ]
        for name, found in bodies.items()
    }


@pytest.fixture
def patient(monkeypatch):
    """The moment of the holder lasts for ever."""
    monkeypatch.setattr(queue, "MOMENT_SECONDS", 10_000)


@pytest.mark.usefixtures("patient")
def test_the_worker_that_holds_a_conversation_is_woken_first(app, store):
    announce(store, "a-1-x")
    announce(store, "b-1-x")
    hold(store, talk(), "b-1-x")
    wakeups = queue.Wakeups(app, Holders(store))
    wakeups.send(talk())
    wakeups.send(talk("2"))

    assert woken(store) == {"companion.b-1-x": [str(talk())], "companion": [str(talk("2"))]}
    wakeups.drop_queue_of("b-1-x")
    assert woken(store) == {"companion": [str(talk("2"))]}
    assert not store.redis.keys("companion:_kombu*b-1-x*"), "nothing stays of a worker that is gone"


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("why", ["alone", "gone", "busy", "loading"])
def test_anybody_is_woken_where_the_holder_is(app, store, why):
    announce(store, "a-1-x")
    if why not in ("alone", "gone"):
        announce(store, "b-1-x", busy=2 if why == "busy" else 0, stage="loading" if why == "loading" else "ready")
    if why == "gone":
        announce(store, "c-1-x")
    hold(store, talk(), "a-1-x" if why == "alone" else "b-1-x")
    queue.Wakeups(app, Holders(store)).send(talk())

    assert woken(store) == {"companion": [str(talk())]}


@pytest.mark.usefixtures("patient")
def test_no_more_come_to_a_holder_at_once_than_it_has_room_for(app, store):
    announce(store, "a-1-x")
    announce(store, "b-1-x", busy=1)
    people = [talk(str(number)) for number in range(3)]
    for who in people:
        hold(store, who, "b-1-x")
    wakeups = queue.Wakeups(app, Holders(store))
    for who in people:
        wakeups.send(who)

    assert woken(store) == {"companion.b-1-x": [str(people[0])], "companion": [str(who) for who in people[1:]]}


def test_whom_the_holder_has_not_begun_with_after_a_moment_anybody_may_take(app, store, inbox, leases):
    announce(store, "a-1-x")
    announce(store, "b-1-x")
    for who in (talk(), talk("2")):
        inbox.accept(incoming("hello", who))
        hold(store, who, "b-1-x")
    wakeups = queue.Wakeups(app, Holders(store))
    wakeups.send(talk())
    wakeups.send(talk("2"))
    leases.acquire(talk())

    until(lambda: woken(store).get("companion"))
    assert woken(store) == {"companion.b-1-x": [str(talk()), str(talk("2"))], "companion": [str(talk("2"))]}
