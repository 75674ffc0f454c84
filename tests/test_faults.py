"""kill -9 in the middle of a reply: the person gets exactly one answer within 20 s, and memory each turn once."""

import os
import signal
import time
from contextlib import closing

import pytest

from bot.adapters.console.surface import conversation_here
from bot.core.people import People
from bot.core.presence import Presence
from bot.core.store import Store
from bot.embedded import EmbeddedRedis
from tests.programs import Chat, Up, begun, children_of, command_of, front, is_alive, kill, processes_of, turns_of, until

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")

SLOW = "tell me something #think 8 #slow"  # some six seconds, so that no blow comes too late
ANSWER = "You said: tell me something. I am listening."


def test_kill_the_engine(tmp_path):
    assert_survives(tmp_path, lambda chat: kill(chat.engine()))


def test_kill_the_worker(tmp_path):
    assert_survives(tmp_path, lambda chat: kill(chat.worker()))


def test_kill_redis(tmp_path):
    assert_survives(tmp_path, lambda chat: kill(_redis(tmp_path)))


def test_kill_everything_but_the_adapter(tmp_path):
    def strike(chat):
        kill(chat.worker())
        kill(_redis(tmp_path))

    assert_survives(tmp_path, strike)


def test_stop_the_engine_without_killing_it(tmp_path):
    """A hung engine is noticed by its silence."""
    assert_survives(tmp_path, lambda chat: os.kill(chat.engine(), signal.SIGSTOP), seconds=40)


def test_kill_the_adapter(tmp_path):
    patience = Patience(20)
    with Chat(tmp_path) as chat:
        chat.ask("before")
        patience.has_started()
        chat.say(SLOW)
        begun(tmp_path)
        chat.kill()
        heard_before = list(chat.lines.queue)

    struck_at = time.monotonic()
    with Chat(tmp_path) as chat:
        assert chat.hear(60) == ANSWER
        assert time.monotonic() - struck_at < patience.seconds
        assert chat.ask("after") == "You said: after. I am listening."
        assert chat.leave() == (0, [])

    assert heard_before == []
    assert [turn.said for turn in turns_of(tmp_path)] == ["before", SLOW, "after"]
    assert processes_of(tmp_path) == []


def test_when_the_adapter_is_killed_its_worker_does_not_stay_behind(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("hello")
        worker, engine = chat.worker(), chat.engine()
        chat.kill()

        until(lambda: not is_alive(worker) and not is_alive(engine))
    with front(tmp_path):
        """Ends the Redis that was left behind, as the next chat would."""
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_worker_ends_with_the_command_that_started_it_and_in_order(tmp_path, blow):
    with (
        EmbeddedRedis(tmp_path / "own") as server,
        closing(Store(server.url)) as store,
        Up(tmp_path, "bot", "worker", redis_url=server.url) as command,
    ):
        worker = command.child("workers run")
        engine = until(lambda: next(pid for pid in children_of(worker) if "workers.engines" in command_of(pid)))
        until(lambda: [state.stage for state in Presence(store).workers()] == ["ready"])
        os.kill(command.process.pid, blow)

        until(lambda: not is_alive(worker) and not is_alive(engine), seconds=30)
        assert store.redis.smembers("companion:workers") == set(), "it took its leave"
    assert processes_of(tmp_path) == []


def test_nothing_of_a_worker_of_several_processes_stays_behind(tmp_path):
    with Chat(tmp_path, worker_processes=3) as chat:
        assert chat.ask("hello") == "You said: hello. I am listening."
        worker = chat.worker()
        started = until(lambda: len(children_of(worker)) == 3 and [worker, *children_of(worker)])
        chat.settle()
        chat.kill()

        until(lambda: not any(map(is_alive, started)))
    with Chat(tmp_path, worker_processes=3) as chat:
        assert chat.ask("hello") == "You said: hello. I am listening."
        worker = chat.worker()
        until(lambda: len(children_of(worker)) == 3)
        assert chat.leave() == (0, [])
    assert processes_of(tmp_path) == []


def test_when_the_worker_is_killed_its_engine_does_not_stay_behind(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("hello")
        engine = chat.engine()
        kill(chat.worker())

        until(lambda: not is_alive(engine))


def test_a_message_that_kills_its_engine_each_time_is_put_aside_and_the_rest_goes_on(tmp_path):
    with Chat(tmp_path) as chat:
        assert "three times" in chat.ask("bad #die")
        assert chat.ask("good") == "You said: good. I am listening."
        chat.leave()

    assert [turn.said for turn in turns_of(tmp_path)] == ["good"]
    with front(tmp_path) as opened:
        [letter] = opened.dead.all(conversation_here(opened).surface)
        assert [line.text for line in letter.lines] == ["bad #die"]


def test_forget_during_a_reply_leaves_nothing(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("xylophone")
        chat.say(f"xylophone {SLOW}")
        begun(tmp_path)
        with front(tmp_path) as opened:
            people: People = opened.people
            assert people.forget(conversation_here(opened)) == 1
        assert chat.hear(60) == "Forgotten before I had answered."
        assert chat.ask("#history") == "Before this you said 0:"
        chat.leave()

    assert [turn.said for turn in turns_of(tmp_path)] == ["#history"]


def test_closing_the_chat_in_the_middle_of_a_reply_keeps_the_question(tmp_path):
    with Chat(tmp_path) as chat:
        chat.say(SLOW)
        begun(tmp_path)
        chat.process.send_signal(signal.SIGTERM)
        assert chat.process.wait(60) == 0
    assert processes_of(tmp_path) == []

    with Chat(tmp_path) as chat:
        assert chat.hear(60) == ANSWER
        chat.leave()
    assert [turn.said for turn in turns_of(tmp_path)] == [SLOW]


class Patience:
    """So many seconds, and what one start of everything takes on this machine now."""

    def __init__(self, seconds):
        self.seconds, self._began_at = seconds, time.monotonic()

    def has_started(self):
        self.seconds += time.monotonic() - self._began_at


def assert_survives(data_dir, strike, seconds=20):
    patience = Patience(seconds)
    with Chat(data_dir) as chat:
        chat.ask("before")
        patience.has_started()
        chat.say(SLOW)
        begun(data_dir)
        strike(chat)
        struck_at = time.monotonic()
        assert chat.hear(90) == ANSWER
        assert time.monotonic() - struck_at < patience.seconds
        assert chat.ask("after") == "You said: after. I am listening."
        assert chat.leave() == (0, [])

    assert [turn.said for turn in turns_of(data_dir)] == ["before", SLOW, "after"]
    assert processes_of(data_dir) == []


def _redis(data_dir):
    return int((data_dir / "redis" / "redis.pid").read_text())


def test_the_processes_are_what_the_other_tests_take_them_for(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("hello")

        assert "workers run" in command_of(chat.worker())
        assert chat.engine() in children_of(chat.worker())
        assert "redis-server" in command_of(_redis(tmp_path))
