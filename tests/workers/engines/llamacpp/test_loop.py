"""The loop and its books, on a model that is a sum: who is answered beside whom changes nothing of what is said."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.engines.llamacpp.driving import CONTEXT, NUM_IDS, asking, assert_books_are_right, make_engine, reply, run
from workers.engines.base import ThoughtLimit
from workers.engines.llamacpp import engine as loop
from workers.engines.llamacpp.engine import MIN_CHUNK

PERSONA = list(range(30))
prompts = st.lists(st.integers(0, 2), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    asked=st.lists(st.tuples(st.integers(0, 30), prompts, st.integers(0, 20)), min_size=1, max_size=12),
    cancels=st.dictionaries(st.integers(0, 60), st.integers(0, 11), max_size=6),
    num_cells=st.integers(CONTEXT, 200),
    chunk=st.integers(1, 20),
    shares=st.booleans(),
)
def test_whoever_comes_and_goes_every_reply_is_what_it_is_alone_and_no_cell_is_lost(asked, cancels, num_cells, chunk, shares):
    engine, runtime = make_engine(num_cells, chunk=chunk, shares=shares)
    requests = {str(number): asking(prompt, str(number), most) for number, (_, prompt, most) in enumerate(asked)}
    starts = [step for step, _, _ in asked]

    def act(step, replies):
        for id, request in requests.items():
            if starts[int(id)] == step:
                engine.submit(request)
        if step in cancels:
            engine.cancel(str(cancels[step]))

    replies = {}
    for _ in range(2):  # the second time much is known already
        engine.submit(asking([1], "open", CONTEXT - 1))  # so that it does not end before the last has come
        replies = run(engine, act=act)
        del replies["open"]
        for id, (ids, end) in replies.items():
            whole = reply(requests[id])
            assert end in ("length", "cancelled")
            assert ids == (whole if end == "length" else whole[: len(ids)])
        assert_books_are_right(engine, runtime)
    assert replies.keys() == requests.keys()


def test_who_comes_back_pays_for_what_is_new_alone():
    engine, runtime = make_engine()
    run(engine, asking(PERSONA))
    runtime.read_ids.clear()
    run(engine, asking([*PERSONA, 50, 51], max_tokens=1))
    assert runtime.read_ids == [50, 51]


def test_people_who_begin_alike_share_what_is_alike():
    engine, runtime = make_engine(num_cells=100, requests=3)
    run(engine, asking(PERSONA, max_tokens=1))
    runtime.read_ids.clear()
    people = [asking([*PERSONA, 40 + number], str(number), max_tokens=2) for number in range(3)]
    assert {ids == reply(one) for one in people for ids, _ in [run(engine, one)[one.id]]} == {True}
    replies = run(engine, *people)
    assert [replies[one.id][0] for one in people] == [reply(one) for one in people]
    assert not set(runtime.read_ids) & set(PERSONA[:-1]) - {id for one in people for id in reply(one)}
    assert engine.stats().blocks_used < 30 + 3 * 5


def test_what_was_read_ahead_is_known_and_what_was_thought_is_not_kept():
    engine, runtime = make_engine()
    run(engine, asking(PERSONA, max_tokens=20))
    assert engine.stats().blocks_used == len(PERSONA)
    assert run(engine, asking([*PERSONA, 60, 61, 62], "ahead", 0)) == {"ahead": ([], "length")}
    runtime.read_ids.clear()
    run(engine, asking([*PERSONA, 60, 61, 62, 63], max_tokens=1))
    assert runtime.read_ids == [63]


@pytest.mark.parametrize(("forgotten", "num_kept"), [("ann", 30), ("bob", 31), ("eve", 61), (None, 0)])
def test_what_is_forgotten_is_not_kept(forgotten, num_kept):
    engine, runtime = make_engine()
    run(
        engine,
        replace(asking([60, *PERSONA], "a", 1), conversation="ann"),
        replace(asking(PERSONA, "b", 1), conversation="bob"),
    )
    assert engine.stats().blocks_used == 61
    engine.forget(forgotten)
    engine.step(0.0)

    assert engine.stats().blocks_used == num_kept
    assert_books_are_right(engine, runtime)


def test_reading_ahead_waits_for_people_and_makes_room_for_them():
    engine, runtime = make_engine(chunk=4)
    ahead = asking([70 + number for number in range(20)], "ahead", 0)
    came = []

    def act(step, replies):
        if step == 2:
            assert [sequence.request.id for sequence in engine._active] == ["ahead"]
            engine.submit(asking([1, 2], "person", 3))
        if "person" in {sequence.request.id for sequence in engine._active}:
            came.append([sequence.request.id for sequence in engine._active])

    replies = run(engine, ahead, act=act)
    assert came == [["person"]] * len(came)
    assert replies["ahead"] == ([], "length")
    # What had been read before was not read again.
    assert len(runtime.read_ids) == 20 + 2 + 2


def test_a_thought_that_is_too_long_is_closed_at_the_very_token():
    thought = ThoughtLimit(3, 96, (90, 96, 91))
    engine, runtime = make_engine()
    request = asking([1, 2, 3], max_tokens=8, thought=thought)
    accepted = []

    def act(step, replies):
        accepted[:] = [sampler.accepted for sampler in runtime.samplers] or accepted

    ids, end = run(engine, request, act=act)["a"]
    plain = reply(asking([1, 2, 3], max_tokens=3))
    assert (ids[:6], end) == ([*plain, 90, 96, 91], "length")
    assert accepted == [[90, 96, 91]]


def test_a_thought_that_has_ended_by_itself_is_left_alone():
    plain = reply(asking([1, 2, 3], max_tokens=8))
    engine, _ = make_engine()
    thought = ThoughtLimit(4, plain[1], (90, 91))
    assert run(engine, asking([1, 2, 3], max_tokens=8, thought=thought))["a"] == (plain, "length")


def test_a_cancel_frees_within_one_step_even_while_a_long_prompt_is_read():
    engine, runtime = make_engine(chunk=1)
    engine.submit(asking(PERSONA))
    for _ in range(5):
        engine.step(0.0)
    engine.cancel("a")
    [ended] = engine.step(0.0)
    assert (ended.id, ended.reason) == ("a", "cancelled")
    assert_books_are_right(engine, runtime)


def test_while_a_long_prompt_is_read_everybody_else_goes_on():
    engine, runtime = make_engine(chunk=4)
    engine.submit(asking([1], "writer", 30))
    engine.step(0.0)
    engine.submit(asking(PERSONA, "reader", 1))
    replies = run(engine)
    assert {id: len(ids) for id, (ids, _) in replies.items()} == {"writer": 29, "reader": 1}
    assert [sum(num for _, num in step) for step in runtime.steps[1:8]] == [5] * 7


def test_a_short_prompt_does_not_wait_for_the_end_of_a_long_one():
    engine, _ = make_engine(chunk=4)
    order = []

    def act(step, replies):
        order.extend(id for id in replies if id not in order)

    run(engine, asking(PERSONA, "long", 1), asking([5, 6, 7, 8], "short", 1), act=act)
    assert order[0] == "short"


def test_what_is_no_number_ends_that_reply_alone_and_nobody_goes_on_from_it():
    engine, runtime = make_engine()
    runtime.broken.add("a")
    replies = run(engine, asking(PERSONA), asking([5], "b"))
    assert replies == {"a": ([], "error"), "b": (reply(asking([5])), "length")}
    assert_books_are_right(engine, runtime)
    runtime.read_ids.clear()
    run(engine, asking(PERSONA, "c", 1))
    assert runtime.read_ids == PERSONA


def test_where_llama_cpp_has_less_room_than_it_said_replies_still_come_whole():
    engine, runtime = make_engine(num_cells=200)
    runtime.num_cells = 70
    requests = [asking([number] * 20, str(number), 20) for number in range(4)]
    assert run(engine, *requests) == {one.id: (reply(one), "length") for one in requests}
    runtime.num_cells = 10
    assert run(engine, asking([9] * 20, "too large"))["too large"] == ([], "error")


@pytest.mark.parametrize(
    "request_",
    [
        asking([]),
        asking([1], max_tokens=-1),
        asking([1] * CONTEXT, max_tokens=1),
        asking([NUM_IDS]),
        asking([1], banned_ids=frozenset({NUM_IDS})),
        asking([1], thought=ThoughtLimit(1, 2, (-1,))),
    ],
)
def test_what_cannot_be_is_refused_at_the_door(request_):
    engine, runtime = make_engine()
    assert run(engine, request_) == {"a": ([], "refused")}
    assert (runtime.steps, runtime.samplers) == ([], [])


def test_on_a_slow_machine_less_is_read_in_a_step(monkeypatch):
    """A clock on which reading a token takes a tenth of a second."""
    engine, runtime = make_engine(chunk=256, num_cells=4096)
    engine.limits = type(engine.limits)(4096, 4, steers=True)
    monkeypatch.setattr(loop, "perf_counter", lambda: len(runtime.read_ids) / 10)
    run(engine, asking([number % NUM_IDS for number in range(3000)], max_tokens=1))
    sizes = [sum(num for _, num in step) for step in runtime.steps]
    assert sizes[0] == 256
    assert set(sizes[5:-1]) == {MIN_CHUNK}
