from dataclasses import replace

import pytest

from bot.core.messages import Draft
from bot.core.outbox import Outbox
from bot.core.store import Keys
from tests.sayings import SURFACE, finished, incoming, talk, turn


@pytest.fixture
def answer(inbox, leases):
    def end(id="t1", conversation=None):
        conversation = conversation or talk()
        inbox.accept(incoming(conversation=conversation))
        leases.commit(leases.acquire(conversation), finished(conversation, id), turn(id), "append")

    return end


def events(entries):
    return [(entry.event.turn, entry.is_repeat) for entry in entries]


def test_opening_twice_changes_nothing(outbox, answer):
    answer()
    outbox.open()

    assert events(outbox.fresh(10)) == [("t1", False)]
    outbox.open()
    assert events(outbox.fresh(1)) == []


def test_a_final_that_came_before_the_first_adapter_ever_ran_is_not_lost(store, vault, answer):
    answer()
    box = Outbox(store, vault, SURFACE)
    box.open()

    assert events(box.fresh(10)) == [("t1", False)]


def test_a_final_is_new_once_and_unfinished_until_its_end(outbox, answer):
    answer()
    [entry] = outbox.fresh(10)

    assert outbox.fresh(1) == []
    assert outbox.unfinished() == [entry]
    outbox.end(entry, ["m1"])
    assert outbox.unfinished() == []


def test_what_was_begun_may_be_a_repeat_until_it_certainly_was_not_sent(outbox, answer):
    answer()
    [entry] = outbox.fresh(10)

    outbox.begin(entry)
    assert outbox.unfinished() == [replace(entry, is_repeat=True)]
    outbox.undo_begin(entry)
    assert outbox.unfinished() == [entry]


def test_hundreds_of_unfinished_finals_are_all_there_in_order(outbox, answer):
    for number in range(130):
        answer(str(number))
    while outbox.fresh(1):
        pass

    assert events(outbox.unfinished()) == [(str(number), False) for number in range(130)]


def test_each_surface_has_its_own_outbox(store, vault, outbox, answer):
    answer()
    other = Outbox(store, vault, "telegram:43")
    other.open()

    assert other.fresh(1) == []


def test_nothing_is_left_behind_when_everything_was_delivered(store, outbox, answer):
    answer()
    for entry in outbox.fresh(10):
        outbox.begin(entry)
        outbox.end(entry, ["m1"])

    keys = Keys(SURFACE)
    assert (store.redis.xlen(keys.outbox), store.redis.hlen(keys.sending)) == (0, 0)
    assert store.redis.xpending(keys.outbox, "delivery")["pending"] == 0


def test_a_draft_arrives_sealed_and_whole_and_silence_is_told(store, outbox):
    draft = Draft(str(talk()), "t1", 1, 1, False, "hm", "my secret word is xylophone")
    drafts = outbox.drafts(0.2)
    with store.channel(Keys(SURFACE).drafts) as channel:
        channel.get_message(timeout=1)
        assert next(drafts) is None
        outbox.publish(talk(), draft)

        assert next(drafts) == (talk(), draft)
        assert b"xylophone" not in channel.get_message(timeout=60)["data"]
    drafts.close()
