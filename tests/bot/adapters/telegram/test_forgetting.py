"""Whoever is forgotten leaves no trace in Redis, whatever the adapter was doing with them."""

import pytest

from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.traces import traces

CAT = 7_700_077


@pytest.mark.parametrize("is_in_flight", [False, True])
def test_forget_leaves_no_trace_of_a_person_in_redis(start, telegram, worker, store, is_in_flight):
    start()
    cat = telegram.person(CAT, "Cat")
    cat.write("hello")
    worker.says(talk_of(CAT), "hi there, Cat")
    until(lambda: any("hi there" in text for text in cat.sees()))
    until(lambda: [name for name in traces(store.redis, str(CAT)) if ":shown:" in name])
    if is_in_flight:
        cat.write("and another")
        reply = worker.takes(talk_of(CAT))
        reply.streams("I am thinking about that one for a while", lambda: any("thinking" in text for text in cat.sees()))

    cat.write("/forget yes")

    until(lambda: any("I know nothing about you" in text for text in cat.sees()))
    # A wake-up has the conversation's name until a worker takes it, and here none does.
    until(lambda: traces(store.redis, str(CAT)) == ["companion:companion"])
