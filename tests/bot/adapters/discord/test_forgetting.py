"""Whoever is forgotten leaves no trace in Redis, whatever the adapter was doing with them."""

import pytest

from tests.bot.adapters.discord.conftest import talk_of
from tests.bot.adapters.working import until
from tests.traces import traces

TALE = "The wind came over the sea and told a tale of long ago. " * 3


@pytest.mark.parametrize("is_in_flight", [False, True])
def test_forget_leaves_no_trace_of_a_person_in_redis(start, ann, worker, store, is_in_flight):
    start()
    ann.write("hello")
    worker.says(talk_of(ann), "hi there")
    until(lambda: [name for name in traces(store.redis, str(ann.id)) if ":shown:" in name])
    if is_in_flight:
        ann.write("and another")
        worker.takes(talk_of(ann)).streams(TALE, lambda: TALE.strip() in ann.sees())

    ann.write("/forget yes")

    until(lambda: any("I know nothing about you" in text for text in ann.sees()))
    # A wake-up has the conversation's name until a worker takes it, and here none does.
    until(lambda: traces(store.redis, str(ann.id)) == ["companion:companion"])
