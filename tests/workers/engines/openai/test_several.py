"""Several servers: the least busy is asked, a dead one is passed over and comes back by itself."""

import time

import pytest

from tests.workers.engines.openai.driving import until
from workers.engines.base import Ended

ANSWER = "You said: hello. I am listening."


def num_asked(server):
    """Replies, without the probe."""
    return len(server.asked) - 1


def test_the_one_with_the_least_to_do_is_asked(serve, start):
    servers = [serve(speed=200), serve(speed=200), serve(speed=200)]
    driver = start(*servers)
    for number in range(9):
        driver.submit("#long 60", id=str(number))
    driver.ends(9)

    assert [num_asked(server) for server in servers] == [3, 3, 3]
    assert [server.most_running for server in servers] == [3, 3, 3]


def test_a_server_that_still_writes_a_long_reply_is_spared(serve, start):
    servers = [serve(speed=200), serve(speed=200)]
    driver = start(*servers)
    driver.submit("#long 900", id="long")
    assert until(lambda: sum(map(num_asked, servers)) == 1)
    busy = max(servers, key=num_asked)
    for number in range(4):
        driver.ask("hello", id=str(number))

    assert num_asked(busy) == 1


def test_a_request_that_is_refused_for_what_it_is_goes_to_no_other_server(serve, start):
    servers = [serve(), serve()]
    driver = start(*servers)
    for server in servers:
        server.fault("refused", "for ever")

    assert driver.ask("hello")[1].reason == "refused"
    assert sum(map(num_asked, servers)) == 1
    assert all(server.down_since is None for server in driver.engine._fleet.servers), "and none is blamed for it"


def test_replies_that_come_one_by_one_are_spread_too(serve, start):
    servers = [serve(), serve()]
    driver = start(*servers)
    for _ in range(6):
        driver.ask("hello")

    assert [num_asked(server) for server in servers] == [3, 3]


@pytest.mark.parametrize("fault", ["close", "cut-at-once", "broken", "key", "page", "busy"])
def test_another_takes_over_when_one_fails_before_its_first_word(serve, start, fault):
    bad, good = serve(), serve()
    driver = start(bad, good)
    bad.fault(fault, "for ever")
    for _ in range(4):
        text, ended = driver.ask("hello")
        assert (text[-32:], ended.reason) == (ANSWER, "stop")


def test_another_takes_over_when_one_does_not_begin_in_time(serve, start):
    bad, good = serve(), serve()
    driver = start(bad, good, first_seconds=1.5)
    bad.fault("silent", "for ever")

    assert [driver.ask("hello")[1].reason for _ in range(2)] == ["stop", "stop"]
    assert num_asked(good) == 2


def test_a_busy_server_is_left_alone_for_as_long_as_it_asked(serve, start):
    busy, other = serve(), serve()
    driver = start(busy, other)
    busy.fault("busy")
    for _ in range(5):
        driver.ask("hello")

    assert num_asked(busy) == 1
    assert num_asked(other) == 5


def test_one_that_died_is_not_asked_until_it_is_well_and_then_it_is(serve, start, capfd):
    one, other = serve(), serve()
    driver = start(one, other)
    one.stop()
    for _ in range(4):
        assert driver.ask("hello")[1].reason == "stop"
    assert num_asked(other) == 4
    one.start_again()
    assert until(lambda: driver.engine._fleet.servers[0].down_since is None)
    for _ in range(4):
        driver.ask("hello")

    assert num_asked(one) == 2
    told = capfd.readouterr().err
    assert f"openai: {one.url} c" in told, "that it went"
    assert f"openai: {one.url}: ok" in told, "that it came back"


def test_one_that_is_not_there_at_the_start_is_told_and_joins_later(serve, start, capfd):
    here, late = serve(), serve()
    late.stop()
    driver = start(here, late)
    assert f"{late.url} cannot be reached (ConnectError)" in capfd.readouterr().err
    late.start_again()
    assert until(lambda: driver.engine._fleet.servers[1].down_since is None)
    for _ in range(2):
        driver.ask("hello")

    assert len(late.asked) == 2, "its probe and a reply"


def test_one_that_dies_in_the_middle_of_a_reply_ends_that_reply_alone(serve, start):
    one, other = serve(speed=100), serve(speed=100)
    driver = start(one, other)
    driver.submit("#long 900", id="a", max_tokens=250)
    driver.submit("#long 900", id="b", max_tokens=250)
    assert until(lambda: num_asked(one) == num_asked(other) == 1)
    time.sleep(0.2)
    one.stop()

    assert sorted(end.reason for end in driver.ends(2).values()) == ["error", "length"]


def test_when_all_are_gone_the_engine_gives_up_so_that_people_wait_and_are_not_failed(serve, start, monkeypatch):
    monkeypatch.setattr("workers.engines.openai.engine.GONE_SECONDS", 0.2)
    driver = start(server := serve())
    server.stop()
    assert driver.ask("hello")[1].reason == "error"

    def steps():
        for _ in range(100):
            driver.engine.step(0.02)

    with pytest.raises(RuntimeError, match="no server has answered"):
        steps()


def test_the_engine_does_not_give_up_while_a_reply_still_runs(serve, start, monkeypatch):
    monkeypatch.setattr("workers.engines.openai.engine.GONE_SECONDS", 0.0)
    driver = start(server := serve(speed=100))
    driver.submit("#long 900", id="a", max_tokens=60)
    assert until(lambda: num_asked(server) == 1)
    server.key = "changed meanwhile"
    driver.submit("hello", id="b")

    assert {id: end.reason for id, end in driver.ends(2).items()} == {"a": "length", "b": "error"}


def test_an_engine_whose_servers_are_only_busy_does_not_give_up(serve, start, monkeypatch):
    monkeypatch.setattr("workers.engines.openai.engine.GONE_SECONDS", 0.0)
    driver = start(server := serve())
    server.fault("busy")
    driver.ask("hello")

    assert driver.engine.step(0.01) == []


def test_each_server_has_the_model_under_a_name_of_its_own(serve, start):
    one, other = serve("qwen"), serve("deepseek-r1:7b")
    driver = start(one, other)
    driver.ask("hello")
    driver.ask("hello")

    assert (one.last["model"], other.last["model"]) == ("qwen", "deepseek-r1:7b")


def test_a_server_that_comes_back_with_another_model_is_met_anew(serve, start):
    """The one before began inside its thoughts, this one has none."""
    driver = start(server := serve("r1", thought="opened"))
    server.models[:], server.thought = ["plain"], "none"
    assert driver.ask("hello")[1].reason == "error"
    assert until(lambda: driver.engine._fleet.servers[0].down_since is None)

    assert driver.ask("hello") == (ANSWER, Ended("a", "stop"))
