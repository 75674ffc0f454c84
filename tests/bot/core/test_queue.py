import base64
import json

import pytest
from kombu import Consumer

from bot.core import queue
from tests.sayings import talk


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
