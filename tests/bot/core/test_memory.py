from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bot.core.lease import Leases
from bot.core.memory import Busy, Memory
from bot.core.messages import Failed
from bot.core.store import CONTROL, Keys
from tests.sayings import SURFACE, finished, incoming, line, talk, turn


@pytest.fixture
def remember(inbox, leases, memory):
    """A whole turn: somebody writes, a worker answers."""

    def end(*ids, conversation=None, remember="append"):
        conversation = conversation or talk()
        for id in ids:
            inbox.accept(incoming(conversation=conversation))
            lease = leases.acquire(conversation)
            chapter, _ = memory.current(conversation)
            said = replace(turn(id, reply=f"reply {id}"), chapter=chapter)
            assert leases.commit(lease, finished(conversation, id), said, remember) is not None

    return end


def ids(turns):
    return [one.id for one in turns]


def current(memory):
    return ids(memory.current(talk())[1])


def test_turns_come_back_as_they_were_in_the_order_they_were_said(inbox, leases, memory):
    kept = turn("t1", said="你好 👋 \n\u0000 end", reply="嗨")
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), kept, "append")

    assert memory.recent(talk()) == [kept]


def test_the_window_is_the_last_turns_oldest_first(memory, remember):
    remember("a", "b", "c")

    assert ids(memory.recent(talk(), 2)) == ["b", "c"]
    assert ids(memory.recent(talk())) == ["a", "b", "c"]
    assert ids(memory.recent(talk(), 9)) == ["a", "b", "c"]
    assert memory.recent(talk("2")) == []


def test_only_so_many_turns_are_kept(inbox, store, vault, memory):
    few = Leases(store, vault, lease_seconds=5, memory_turns=2)
    for id in "abc":
        inbox.accept(incoming())
        few.commit(few.acquire(talk()), finished(talk(), id), turn(id), "append")

    assert ids(memory.recent(talk())) == ["b", "c"]


def test_another_answer_takes_the_place_of_the_last(memory, remember):
    remember("a", "b")
    remember("b again", remember="replace")

    assert ids(memory.recent(talk())) == ["a", "b again"]


def test_the_last_turn_is_taken_back_and_given(memory, remember):
    remember("a", "b")

    assert memory.undo(talk()).id == "b"
    assert memory.undo(talk()).id == "a"
    assert memory.undo(talk()) is None
    assert memory.recent(talk()) == []


def test_nothing_is_taken_back_while_a_line_waits_or_is_answered(memory, remember, inbox, leases):
    remember("a")
    inbox.accept(incoming())
    with pytest.raises(Busy):
        memory.undo(talk())
    lease = leases.acquire(talk())
    with pytest.raises(Busy):
        memory.undo(talk())

    leases.commit(lease, finished(talk(), "b"), turn("b"), "append")
    assert memory.undo(talk()).id == "b"


def test_another_reply_is_picked_and_the_rest_stays_as_it_was(memory, inbox, leases):
    kept = replace(turn("a", reply="three"), variants=("one", "two", "three"), note="cut")
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), kept, "append")

    assert memory.pick(talk(), 4) is None
    assert memory.pick(talk(), 0) is None
    assert memory.pick(talk(), 2) == kept

    assert memory.last(talk()) == replace(kept, reply="two", note=""), "that one was not cut"


def test_many_who_take_back_at_once_never_take_the_same(store, vault, remember):
    ids = [f"t{number}" for number in range(20)]
    remember(*ids)

    with ThreadPoolExecutor(8) as pool:
        taken = [turn.id for turn in pool.map(lambda _: Memory(store, vault).undo(talk()), range(20))]

    assert sorted(taken) == sorted(ids)


def test_a_turn_that_was_answered_anew_meanwhile_is_not_overwritten(memory, remember, monkeypatch):
    """Between reading and writing, another answer takes its place: the pick is made on what is there now."""
    remember("a")
    call = memory._store.call

    def meanwhile(script, *rest):
        if script == "change_last":
            monkeypatch.setattr(memory._store, "call", call)
            remember("b", remember="replace")
        return call(script, *rest)

    monkeypatch.setattr(memory._store, "call", meanwhile)

    assert memory.undo(talk()).id == "b"


def test_the_last_turn_is_that_of_the_chapter_and_the_oldest_that_of_all(memory, remember):
    assert (memory.last(talk()), memory.oldest(talk())) == (None, None)
    remember("a", "b")
    assert (memory.last(talk()).id, memory.oldest(talk()).id) == ("b", "a")
    memory.start_new(talk())

    assert (memory.last(talk()), memory.oldest(talk()).id) == (None, "a")
    assert memory.undo(talk()) is None
    assert memory.num_turns(talk()) == 2


def test_a_new_conversation_keeps_what_was_said_and_leans_on_it_no_longer(memory, remember):
    remember("a", "b")
    memory.start_new(talk())
    assert current(memory) == []
    remember("c")

    assert current(memory) == ["c"]
    assert ids(memory.recent(talk())) == ["a", "b", "c"]


def test_a_reply_that_was_in_the_making_belongs_to_the_old_conversation(memory, inbox, leases):
    inbox.accept(incoming())
    lease = leases.acquire(talk())
    memory.start_new(talk())
    leases.commit(lease, finished(talk()), turn("late"), "append")

    assert (current(memory), memory.num_turns(talk())) == ([], 1)


def test_a_new_conversation_where_nothing_was_said_changes_nothing(memory, remember):
    memory.start_new(talk())
    remember("a")

    assert current(memory) == ["a"]


def test_a_new_conversation_begun_long_ago_stays_begun_when_its_start_is_no_longer_kept(inbox, store, vault, memory):
    few = Leases(store, vault, lease_seconds=5, memory_turns=2)
    for id in "abc":
        inbox.accept(incoming())
        said = replace(turn(id), chapter=memory.current(talk())[0])
        few.commit(few.acquire(talk()), finished(talk(), id), said, "append")
        if id == "a":
            memory.start_new(talk())

    assert current(memory) == ["b", "c"]


def test_forget_counts_the_turns_and_begins_a_generation(memory, remember):
    remember("a", "b")
    assert memory.generation(talk()) == 0

    assert memory.forget(talk()) == 2

    assert (memory.recent(talk()), memory.num_turns(talk()), memory.sent(talk())) == ([], 0, {})
    assert memory.generation(talk()) == 1
    assert memory.forget(talk()) == 0


def test_forget_leaves_no_trace_where_nothing_was_ever_said(store, memory):
    assert memory.forget(talk()) == 0

    assert store.redis.keys() == []


def test_after_forget_a_new_conversation_has_no_old_start(memory, remember):
    remember("a")
    memory.start_new(talk())
    memory.forget(talk())
    remember("a")

    assert current(memory) == ["a"]


def test_forget_during_a_reply_is_not_undone_by_it(inbox, leases, memory, outbox):
    inbox.accept(incoming("a secret"))
    lease = leases.acquire(talk())

    memory.forget(talk())

    assert leases.renew(lease) == "lost"
    assert leases.commit(lease, finished(talk()), turn(), "append") is None
    leases.release(lease, forgive=False)
    assert memory.recent(talk()) == []
    assert inbox.num_waiting(talk()) == 0
    assert [entry.event for entry in outbox.fresh(10)] == [None], "the person hears of it, without what was said"


def test_forget_takes_the_words_of_a_reply_that_is_on_its_way_out(memory, remember, outbox):
    remember("a")

    memory.forget(talk())

    assert [entry.event for entry in outbox.fresh(10)] == [None]


def test_a_reply_delivered_after_forget_leaves_no_trace_of_where_it_stands(memory, remember, outbox):
    remember("a")
    outbox.fresh(10)
    memory.forget(talk())

    [entry_again] = outbox.unfinished()
    outbox.end(entry_again, ["m1"])

    assert memory.sent(talk()) == {}


def test_forget_takes_lines_that_were_put_aside_in_that_conversation_and_no_others(inbox, leases, memory, dead):
    for conversation in (talk("1"), talk("1", chat="-9"), talk("10")):
        inbox.accept(incoming(conversation=conversation))
        failed = Failed(str(conversation), f"letter of {conversation}", "1", "put_aside")
        leases.commit(leases.acquire(conversation), failed, put_aside=True)

    memory.forget(talk("1"))

    assert [letter.conversation for letter in dead.all(SURFACE)] == [talk("1", chat="-9"), talk("10")]


def test_forget_tells_the_workers_at_once(store, inbox, memory):
    inbox.accept(incoming())
    with store.channel(CONTROL) as channel:
        channel.get_message(timeout=1)
        memory.forget(talk())
        found = [message["data"] for _ in range(3) if (message := channel.get_message(timeout=1))]

    assert found == [str(talk()).encode()]


def test_one_conversation_is_forgotten_and_no_other(memory, remember):
    for conversation in (talk("1"), talk("1", chat="-9"), talk("1", thread="7"), talk("2")):
        remember("a", conversation=conversation)

    memory.forget(talk("1"))

    left = [talk("1", chat="-9"), talk("1", thread="7"), talk("2")]
    assert [memory.num_turns(conversation) for conversation in [talk("1"), *left]] == [0, 1, 1, 1]


def test_what_was_forgotten_can_be_replayed_by_nobody(inbox, leases, memory, dead):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t", "1", "put_aside"), put_aside=True)
    [letter] = dead.all(SURFACE)
    memory.forget(talk())

    assert not dead.replay(letter)
    assert inbox.num_waiting(talk()) == 0


def test_where_a_reply_stands_is_known_by_its_turn(memory, remember, outbox):
    remember("a", "b")
    for number, entry in enumerate(outbox.fresh(10)):
        outbox.end(entry, [f"m{number}", "more"])

    assert memory.sent(talk()) == {"a": ["m0", "more"], "b": ["m1", "more"]}


def test_a_line_knows_nothing_of_another_persons_place(store, inbox, leases, vault):
    """A sealed line copied into another conversation of the same person does not open there."""
    inbox.accept(incoming("hello", talk("1")))
    keys = Keys(SURFACE)
    store.redis.copy(keys.of(talk("1"), "inbox"), keys.of(talk("1", chat="-9"), "inbox"))

    assert leases.acquire(talk("1", chat="-9")) is None
    assert leases.acquire(talk("1")).lines[0].text == line("hello").text
