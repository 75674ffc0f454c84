"""The loop: what people ask for comes first, thoughts end in time, trouble stays with whom it concerns."""

import pytest
import torch

from tests.tiny_models import NUM_IDS
from tests.workers.engines.paged.driving import assert_nothing_leaks, run
from workers.engines.base import Ended, Request, Sampling, ThoughtLimit, Tokens
from workers.engines.paged import scheduler
from workers.engines.paged.pace import Pace

GREEDY = Sampling(temperature=0.0)


def asking(name, prompt=(1, 2, 3), num=20, **more):
    return Request(str(name), tuple(prompt), num, sampling=GREEDY, **more)


def num_known(engine, prompt):
    before = engine._scheduler.num_cached_tokens
    run(engine, asking("once more", prompt, 1))
    return engine._scheduler.num_cached_tokens - before


def events_of(engine, id):
    return [event for event in engine.step(0.0) if event.id == id]


def test_a_cancel_is_heard_within_one_step(folder, start):
    engine = start(folder, ahead=1)
    engine.submit(asking("a", num=400))
    for _ in range(5):
        engine.step(0.0)
    engine.cancel("a")

    assert events_of(engine, "a")[-1] == Ended("a", "cancelled")
    assert engine._scheduler.pool.num_free == engine._scheduler.pool.num_blocks - 1


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_long_prompt_holds_nobody_up_for_more_than_a_chunk(ahead, folder, start):
    """Who writes goes on writing in every step, and a short prompt gets its word while a long one is read."""
    engine = start(folder, ahead=ahead, chunk=16)
    engine.submit(asking("writes", num=60))
    for _ in range(3):
        engine.step(0.0)
    engine.submit(asking("long", range(200), 5))
    engine.submit(asking("short", range(30, 40), 5))
    steps = [engine.step(0.0) for _ in range(20)]
    begun = {
        id: next(i for i, events in enumerate(steps) if any(event.id == id for event in events)) for id in ("long", "short")
    }

    assert all(any(event.id == "writes" for event in events) for events in steps)
    assert begun["short"] <= 3 < 12 < begun["long"]


def test_what_is_only_read_waits_for_everybody_and_makes_room_at_once(folder, start):
    engine = start(folder, slots=1, chunk=16)
    engine.submit(asking("history", range(100), 0))
    engine.step(0.0)
    assert engine._scheduler.num_active == 1
    replies = run(engine, asking("person", range(50, 90), 10))

    assert list(replies) == ["person", "history"]
    assert replies["history"] == ([], Ended("history", "length"))
    assert_nothing_leaks(engine)


def test_a_returning_person_pays_only_for_what_is_new(folder, start):
    engine = start(folder)
    history = tuple(range(160))
    run(engine, asking("history", history, 0))
    before = engine._scheduler.num_cached_tokens
    run(engine, asking("person", (*history, 7, 8, 9), 3))

    assert engine._scheduler.num_cached_tokens - before == 160


def test_what_is_forgotten_is_read_anew_and_is_nowhere_in_the_cache(folder, start):
    engine = start(folder)
    persona, secret = tuple(range(40)), tuple(range(100, 140))
    first = asking("a", (*persona, *secret), 20, conversation="ann")
    run(engine, first, asking("b", (*persona, *range(200, 240)), 1, conversation="bob"))
    secrets = engine._scheduler.pool.owned_by("ann")
    told = run(engine, first)["a"]
    engine.forget("ann")
    engine.step(0.0)

    assert len(secrets) >= 5
    assert not engine._runner._attention.cache[:, :, secrets].any()
    assert num_known(engine, (*persona, *range(200, 240))) == 72
    assert num_known(engine, (*persona, *secret)) == 40
    assert run(engine, first)["a"] == told


def test_of_all_that_is_forgotten_nothing_is_known(folder, start):
    engine = start(folder)
    history = tuple(range(160))
    run(engine, asking("a", history, 5, conversation="ann"), asking("b", history, 5, conversation="bob"))
    engine.forget(None)

    assert num_known(engine, history) == 0


def test_what_was_thought_goes_before_what_was_asked(folder, start):
    engine = start(folder, num_blocks=30, context=200)
    prompt = tuple(range(80))
    run(engine, asking("a", prompt, 60))
    run(engine, asking("b", range(100, 200), 50))
    before = engine._scheduler.num_cached_tokens
    run(engine, asking("c", (*prompt, 1), 2))

    assert engine._scheduler.num_cached_tokens - before == 80


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_thought_that_is_too_long_is_closed_at_the_very_token(ahead, folder, start, likeliest):
    engine = start(folder, ahead=ahead)
    free = run(engine, asking("free", num=30))["free"][0]
    end = next(id for id in range(NUM_IDS) if id not in free)
    closing = (65, 66, end, 10)
    ids = run(engine, asking("a", num=30, thought=ThoughtLimit(9, end, closing)))["a"][0]

    assert ids[:13] == [*free[:9], *closing]
    assert len(ids) == 30
    assert ids[13:] == likeliest(folder, [1, 2, 3, *ids[:13]], ids[13:])


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("at", [0, 4, 8])
def test_a_thought_that_ends_by_itself_in_time_is_left_alone(at, ahead, folder, start):
    engine = start(folder, ahead=ahead)
    free = run(engine, asking("free", num=30))["free"][0]
    end = free[at]
    num = 9 if end in free[:9] else 0
    ids = run(engine, asking("a", num=30, thought=ThoughtLimit(num, end, (65, end))))["a"][0]

    assert ids == free


def test_penalties_and_bans_reach_the_choice(folder, start):
    engine = start(folder)
    free = run(engine, asking("free"))["free"][0]
    without = run(engine, asking("a", banned_ids=frozenset(free[:1])))["a"][0]
    varied = run(engine, Request("a", (1, 2, 3), 20, sampling=Sampling(0.0, repetition_penalty=10.0)))["a"][0]

    assert free[0] not in without
    assert len(set(varied) - {1, 2, 3}) == 20 > len(set(free))


@pytest.mark.parametrize("ahead", [0, 1])
def test_penalties_know_what_was_written_before_a_sequence_was_set_back(ahead, folder, start):
    how = Sampling(1.0, 0.95, seed=3, repetition_penalty=1.2, presence_penalty=0.6)
    asked = [Request(str(i), tuple(range(i, i + 20)), 40, sampling=how) for i in range(5)]
    expected = run(start(folder), *asked)
    tight = start(folder, num_blocks=22, context=100, ahead=ahead)

    assert run(tight, *asked) == expected
    assert tight._scheduler.num_preempted > 0


def test_what_cannot_be_is_refused_with_the_reason(folder, start):
    wrong = {
        "empty": asking("empty", ()),
        "negative": asking("negative", num=-1),
        "long": asking("long", range(200), 400),
        "unknown": asking("unknown", (1, NUM_IDS)),
        "bans": asking("bans", banned_ids=frozenset(range(9))),
        "closing": asking("closing", thought=ThoughtLimit(1, 2, (-1,))),
    }
    replies = run(start(folder), *wrong.values(), asking("right"))

    assert {id: end.reason for id, (_, end) in replies.items()} == {**dict.fromkeys(wrong, "refused"), "right": "length"}
    assert len({end.detail for _, end in replies.values()}) == 5  # two of ids that are unknown, one of none at all


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_row_that_is_no_number_ends_alone_and_poisons_nobody(ahead, folder, start):
    engine = start(folder, ahead=ahead)
    expected = run(engine, asking("right", range(40)))["right"][0]
    embedding = engine._runner._model._weights.embedding
    good = embedding[200].clone()
    embedding[200] = float("nan")
    replies = run(engine, asking("broken", (200, *range(30))), asking("right", range(40)))

    assert (replies["broken"][0], replies["broken"][1].reason) == ([], "error")
    assert "no number" in replies["broken"][1].detail
    assert replies["right"][0] == expected
    embedding[200] = good
    # Its blocks are used again, and what it read is not taken from the cache.
    again = run(engine, *[asking(i, (i, *range(40))) for i in range(30)], asking("broken", (200, *range(30))))
    assert {end.reason for _, end in again.values()} == {"length"}
    assert_nothing_leaks(engine)


def test_no_launch_reads_more_chunks_than_it_has_room_for(folder, start, monkeypatch):
    monkeypatch.setattr(scheduler, "MAX_CHUNKS", 4)
    engine, launched = start(folder, chunk=256), []
    prefill = engine._runner.prefill
    monkeypatch.setattr(engine._runner, "prefill", lambda chunks: launched.append(chunks) or prefill(chunks))
    run(engine, asking("long", range(200)), *[asking(i, range(i, i + 20)) for i in range(12)])

    assert max(len(chunks) for chunks in launched) == 4


def failing(function, times, error):
    left = iter(range(times))

    def fail(*args):
        if next(left, None) is not None:
            raise error
        return function(*args)

    return fail


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
@pytest.mark.parametrize("what", ["prefill", "decode"])
def test_where_memory_runs_out_less_runs_at_once_and_all_is_said(what, error, folder, start, monkeypatch):
    engine = start(folder)
    asked = [asking(i, range(i, 60)) for i in range(5)]
    expected = {id: ids for id, (ids, _) in run(engine, *asked).items()}
    monkeypatch.setattr(engine._runner, what, failing(getattr(engine._runner, what), 5, error))
    replies = run(engine, *asked)

    assert {id: ids for id, (ids, _) in replies.items()} == expected
    assert (engine._pace.chunk, engine._scheduler.num_preempted) in ([(16, 3)] if what == "prefill" else [(64, 5)])
    assert_nothing_leaks(engine)
    engine.step(0.0)
    assert engine._pace.chunk == 64, "with nothing to do it is as at the beginning"


@pytest.mark.parametrize("ahead", [0, 1])
def test_who_is_set_back_for_want_of_memory_while_another_reads_writes_nothing_in_that_step(ahead, folder, start, monkeypatch):
    """The younger one writes already, so it is the one that makes room."""
    asked = asking("old", range(200), 10), asking("young", range(50, 60), 10)
    expected = run(start(folder), *asked)
    engine = start(folder, ahead=ahead)
    engine._pace = Pace(16)
    fails_once = failing(engine._runner.prefill, 1, MemoryError())

    def act(step, replies):
        if len(replies.get("young", ())) == 3:
            monkeypatch.setattr(engine._runner, "prefill", fails_once)

    assert run(engine, *asked, act=act) == expected
    assert engine._scheduler.num_preempted > 0
    assert_nothing_leaks(engine)


def test_who_needs_more_memory_than_there_is_gets_an_error_and_the_next_is_served(folder, start, monkeypatch):
    engine = start(folder)
    monkeypatch.setattr(engine._runner, "prefill", failing(engine._runner.prefill, 3, MemoryError()))
    engine._pace = Pace(16)
    replies = run(engine, asking("a"))
    assert replies["a"][1].reason == "error"
    assert "memory" in replies["a"][1].detail
    assert run(engine, asking("b"))["b"][1].reason in ("error", "length")
    assert run(engine, asking("c"), asking("d"))["d"][1].reason == "length"


def test_what_one_was_to_say_before_its_memory_was_gone_is_not_put_into_the_mouth_of_the_next(folder, start, monkeypatch):
    engine = start(folder)
    expected = run(engine, asking("b"))
    fails_once = failing(engine._runner._model.hidden, 1, MemoryError())

    def act(step, replies):
        if len(replies.get("a", ())) == 3:
            monkeypatch.setattr(engine._runner._model, "hidden", fails_once)

    replies = run(engine, asking("a", thought=ThoughtLimit(3, 0, (65, 66))), act=act)
    assert (len(replies["a"][0]), replies["a"][1].reason) == (3, "error")

    assert run(engine, asking("b")) == expected


def test_any_other_failure_ends_the_engine_so_that_the_turns_are_made_again(folder, start, monkeypatch):
    engine = start(folder)
    monkeypatch.setattr(engine._runner, "decode", failing(engine._runner.decode, 1, RuntimeError("illegal memory access")))
    with pytest.raises(RuntimeError, match="illegal"):
        run(engine, asking("a"))


def test_an_idle_engine_waits_for_the_next_request(folder, start):
    engine = start(folder)
    assert engine.step(0.01) == []
    engine.submit(asking("a", num=1))
    assert [type(event) for event in engine.step(5.0)] == [Tokens, Ended]
