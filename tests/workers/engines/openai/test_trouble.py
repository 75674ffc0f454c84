"""Servers that refuse, break, stall, vanish or talk nonsense: what is tried again, and what is said."""

import time

import pytest

from tests.workers.engines.openai.driving import until
from workers.engines.openai.problems import wait_of

SECRET = "my cat is called Miso"
BEFORE_THE_FIRST_WORD = ["busy", "loading", "broken", "close", "cut-at-once"]


def leavers(server):
    """How many have left before their reply was whole: the probe, which has soon seen enough, may be one."""
    assert until(lambda: server.num_running == 0)
    return server.num_gone


@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_WORD)
def test_what_goes_wrong_before_the_first_word_is_tried_again(serve, start, fault):
    driver = start(server := serve())
    server.fault(fault, fault)
    text, ended = driver.ask("hello")

    assert (text[-32:], ended.reason) == ("You said: hello. I am listening.", "stop")
    assert len(server.asked) == 1 + 3


@pytest.mark.parametrize("fault", ["cut", "end-early", "bad-json", "error-event"])
def test_after_the_first_word_nothing_is_tried_again_and_the_end_is_an_error(serve, start, fault):
    driver = start(server := serve())
    server.fault(fault)
    text, ended = driver.ask("hello")

    assert text.startswith("<think>They wrote")
    assert ended.reason == "error"
    assert len(server.asked) == 1 + 1


@pytest.mark.parametrize(
    ("fault", "reason", "what", "fix"),
    [
        ("key", "error", "refuses the key (HTTP 401)", "set COMPANION_OPENAI_KEY"),
        ("refused", "refused", "refuses the request (HTTP 422)", "companion doctor"),
        ("moved", "error", "sends us elsewhere (HTTP 308)", "https://"),
        ("page", "error", "answers with a web page", "mostly with /v1"),
        ("page-404", "error", "answers with a web page", "mostly with /v1"),
        ("one-piece", "error", "no OpenAI-compatible stream", "check COMPANION_OPENAI_URLS"),
    ],
)
def test_what_trying_again_cannot_mend_is_said_at_once_with_what_to_type(serve, start, fault, reason, what, fix):
    driver = start(server := serve())
    server.fault(fault, "for ever")
    _, ended = driver.ask("hello")

    assert ended.reason == reason
    assert what in ended.detail
    assert fix in ended.detail
    assert server.url in ended.detail
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "what"),
    [("busy", "HTTP 429"), ("broken", "fault of its own (HTTP 500)"), ("loading", "(HTTP 503)"), ("close", "cut a reply off")],
)
def test_what_does_not_get_better_is_given_up_with_words(serve, start, fault, what, monkeypatch):
    monkeypatch.setattr("workers.engines.openai.problems.MAX_WAIT_SECONDS", 0.02)
    driver = start(server := serve())
    server.fault(fault, "for ever")
    _, ended = driver.ask("hello")

    assert (ended.reason, what in ended.detail) == ("error", True)
    assert len(server.asked) == 1 + 4


def test_a_server_that_asks_for_patience_gets_it(serve, start):
    driver = start(server := serve())
    server.fault("busy")
    began_at = time.monotonic()

    assert driver.ask("hello")[1].reason == "stop"
    assert time.monotonic() - began_at >= 1.0


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7), ("0.5", 0.5), ("86400", 60), ("soon", 0), ("", 0), ("-3", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_patience_is_read_in_seconds_or_as_a_date_and_has_an_end(given, seconds):
    assert wait_of({"retry-after": given}) == seconds


def test_a_prompt_that_only_the_server_finds_too_long_is_refused_and_not_tried_again(serve, start):
    driver = start(server := serve(context=8192))
    server.context = 100
    _, ended = driver.ask(SECRET * 20)

    assert ended.reason == "refused"
    assert "COMPANION_CONTEXT_TOKENS" in ended.detail
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", ["broken", "refused", "error-event"])
def test_nothing_that_a_person_wrote_gets_into_an_error_though_the_server_repeats_it(serve, start, fault, capfd):
    driver = start(server := serve())
    server.fault(fault, "for ever")
    _, ended = driver.ask(SECRET)

    assert SECRET not in ended.detail
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.parametrize("fault", ["silent", "silent-stream"])
def test_a_server_that_says_nothing_is_waited_for_only_so_long(serve, start, fault):
    """Signs of life that are no words do not count."""
    driver = start(server := serve(), first_seconds=1.5)
    gone = leavers(server)
    server.fault(fault)
    began_at = time.monotonic()
    _, ended = driver.ask("hello")

    assert ended.reason == "error"
    assert "has not answered within 1.5 s" in ended.detail
    assert 1.5 <= time.monotonic() - began_at < 30
    assert until(lambda: server.num_gone == gone + 1), "the connection was left open"


def test_a_server_that_stops_in_the_middle_is_waited_for_only_so_long(serve, start):
    driver = start(server := serve(), next_seconds=1.5)
    gone = leavers(server)
    server.fault("stall")
    text, ended = driver.ask("hello")

    assert text.startswith("<think>They")
    assert "went silent for 1.5 s" in ended.detail
    assert until(lambda: server.num_gone == gone + 1)


@pytest.mark.parametrize("fault", ["", "silent", "silent-stream", "stall"])
def test_cancel_closes_the_connection_at_once_whatever_the_server_does(serve, start, fault):
    driver = start(server := serve(speed=20))
    gone = leavers(server)
    server.fault(*([fault] if fault else []))
    driver.submit("#long 900")
    assert until(lambda: len(server.asked) == 2)
    if fault in ("", "stall"):
        driver.take(lambda text, ended: text)
    began_at = time.monotonic()
    driver.engine.cancel("a")

    assert driver.rest()[1].reason == "cancelled"
    assert until(lambda: server.num_gone == gone + 1)
    assert time.monotonic() - began_at < 30, "the server would write for much longer"
    assert until(lambda: server.num_running == 0)


def test_cancel_ends_what_only_waits_for_its_turn(serve, start):
    driver = start(server := serve(speed=50), requests=1)
    driver.submit("#long 900", id="a")
    driver.submit("#long 900", id="b")
    assert until(lambda: len(server.asked) == 2)
    driver.engine.cancel("b")
    driver.engine.cancel("a")

    assert {id: end.reason for id, end in driver.ends(2).items()} == {"a": "cancelled", "b": "cancelled"}
    assert server.most_running == 1
