from dataclasses import replace

import pytest

from bot.core.dead import DeadLetter
from bot.core.messages import Failed
from bot.core.store import Keys
from tests.sayings import SURFACE, finished, incoming, talk


@pytest.fixture
def put_aside(inbox, leases):
    def end(id="t1", text="poison", conversation=None):
        conversation = conversation or talk()
        inbox.accept(incoming(text, conversation))
        lease = leases.acquire(conversation)
        leases.commit(lease, Failed(str(conversation), id, "1", "put_aside"), put_aside=True)
        return DeadLetter(id, conversation, lease.lines)

    return end


def test_letters_hold_what_was_said_by_whom_and_where(dead, put_aside):
    letters = [put_aside("t1", "你好"), put_aside("t2", "two", talk("2", chat="-9"))]

    assert dead.all(SURFACE) == letters
    assert dead.all("telegram:43") == []


def test_what_was_said_is_not_readable_in_redis(store, put_aside):
    put_aside(text="xylophone")

    assert b"xylophone" not in store.redis.dump(Keys(SURFACE).dead)


def test_a_letter_that_cannot_be_opened_hides_no_other_and_can_be_dropped(dead, put_aside, vault, people):
    """A backup may lack the key of somebody who began to write during it."""
    shut, other = put_aside("t1"), put_aside("t2", conversation=talk("2"))
    vault.erase(talk())

    assert dead.all(SURFACE) == [replace(shut, lines=()), other]
    assert people.export(talk("2"))["conversations"][0]["put_aside"]
    assert dead.drop(dead.all(SURFACE)[0])
    assert dead.all(SURFACE) == [other]


def test_a_letter_that_is_replayed_is_answered_after_what_waits_already(dead, put_aside, inbox, leases):
    letter = put_aside()
    inbox.accept(incoming("later"))

    assert dead.replay(letter)

    assert [said.text for said in leases.acquire(talk()).lines] == ["later", "poison"]
    assert dead.all(SURFACE) == []


def test_a_letter_that_is_replayed_has_all_its_tries_again(dead, put_aside, leases):
    dead.replay(put_aside())

    assert leases.acquire(talk()).tries == 1


def test_a_letter_that_is_replayed_is_found_by_the_sweeper_at_once(dead, put_aside, inbox):
    dead.replay(put_aside())

    assert inbox.overdue(SURFACE) == [talk()]


def test_a_letter_ends_once(dead, put_aside, inbox):
    letter = put_aside()

    assert [dead.drop(letter), dead.drop(letter), dead.replay(letter)] == [True, False, False]
    assert inbox.num_waiting(talk()) == 0


def test_a_person_who_is_forgotten_has_no_letters_and_others_keep_theirs(dead, put_aside):
    put_aside("t1", conversation=talk("1"))
    put_aside("t2", conversation=talk("1", chat="-9"))
    kept = put_aside("t3", conversation=talk("11", chat="-9"))

    dead.forget(talk("1"))

    assert dead.all(SURFACE) == [kept]


def test_a_line_put_aside_does_not_stop_the_next(put_aside, inbox, leases):
    put_aside()
    inbox.accept(incoming("good"))

    lease = leases.acquire(talk())
    assert (lease.tries, [said.text for said in lease.lines]) == (1, ["good"])
    assert leases.commit(lease, finished(talk())) == ()
