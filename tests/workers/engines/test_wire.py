"""What a worker's process asks of the engine's comes as it was said, in whatever pieces, and half of it not at all."""

from dataclasses import replace
from socket import socketpair
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from workers.engines import wire
from workers.engines.base import Request, Sampling, ThoughtLimit

LINE_BREAKS = 0x0A0A0A0A
prompts = st.lists(st.one_of(st.integers(0, 200_000), st.just(LINE_BREAKS)), max_size=80)
texts = st.lists(st.integers(2**32, 2**70), min_size=1, max_size=5)


def ask(prompt, **how):
    how = {"stop_ids": frozenset({1, 2}), "thought": ThoughtLimit(5, 7, (8, 9)), "sampling": Sampling(0.6, seed=3), **how}
    return Request("a", prompt, 3, **how)


def heard(message, size):
    """What is heard of these bytes if they come in pieces of `size`, before they end."""
    there, here = socketpair()

    def send():
        for start in range(0, len(message), size):
            there.sendall(message[start : start + size])
        there.close()

    Thread(target=send).start()
    with here:
        return list(wire.listen(here))


def asked(messages):
    requests = [wire.load_request(message["submit"]) for message in messages]
    return [replace(request, prompt=list(request.prompt)) for request in requests]


@given(st.lists(st.one_of(prompts, texts), max_size=3), st.integers(1, 50))
def test_requests_come_as_they_were_made(prompts, size):
    requests = [ask(prompt) for prompt in prompts]
    assert asked(heard(b"".join(map(wire.pack_request, requests)), size)) == requests


@given(prompts, st.integers(0, 50))
def test_what_is_said_between_two_requests_is_heard_between_them(prompt, cancelled):
    request, cancel = wire.pack_request(ask(prompt)), {"cancel": str(cancelled)}
    first, between, last = heard(request + wire.pack(cancel) + request, 1 << 16)
    assert between == cancel
    assert first == last


@given(prompts, st.data())
def test_a_request_that_was_cut_off_is_not_heard(prompt, data):
    whole = wire.pack_request(ask(prompt))
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert heard(whole + whole[:cut], 1 << 16) == heard(whole, 1 << 16)
    assert len(heard(whole, 1 << 16)) == 1
