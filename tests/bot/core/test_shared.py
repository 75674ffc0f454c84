"""What of a conversation that several share is one person's: found without a search, given to them, and erased as one step."""

import json
from dataclasses import replace

import pytest

from bot.core.edits import keep_edit, take_edit
from bot.core.messages import Conversation, Failed, Finished, Line, Turn, dump, load_line
from bot.core.people import People
from bot.core.shared import SharedTalks
from bot.core.store import ERASED, Keys
from bot.retention import Retention
from tests.sayings import SURFACE, incoming
from tests.traces import traces

ANN, BOB = "1001", "70077"
OWN = Conversation("telegram", "42", "-9", "0", BOB)
EVERYBODY = OWN.shared


def says(inbox, speaker, text, where=EVERYBODY, kind="say"):
    told = incoming(text, where, kind=kind)
    told = replace(told, line=replace(told.line, speaker=speaker, author=f"name of {speaker}"))
    inbox.accept(told)
    return told.line


def end(leases, id, reply="a reply", where=EVERYBODY):
    lease = leases.acquire(where)
    turn = Turn(id, lease.lines, reply, 2.0, "default", variants=("another", reply))
    final = Finished(str(where), id, "1", reply, speakers=turn.speakers)
    return leases.commit(lease, final, turn, "append")


@pytest.fixture
def said(inbox, leases):
    """A turn of Ann, one of Bob, and one of both, which are still on their way out."""
    for id, *lines in (("a", (ANN, "blue")), ("b", (BOB, "rain")), ("ab", (ANN, "green"), (BOB, "more rain"))):
        for speaker, text in lines:
            says(inbox, speaker, text)
        end(leases, id)


def test_finals_that_answered_them_are_told_without_words_and_the_others_arrive(said, people, outbox, store):
    assert people.forget(OWN) == 2

    entries = outbox.fresh(10)
    assert [entry.event and entry.event.turn for entry in entries] == ["a", None, None]
    for entry in entries:
        outbox.end(entry, ["m1"])
    assert store.redis.xlen(Keys(SURFACE).outbox) == 0


def test_a_final_that_is_just_being_sent_leaves_nothing(said, people, outbox, memory, store):
    entries = outbox.fresh(10)
    for entry in entries:
        outbox.begin(entry)

    people.forget(OWN)
    for entry in entries:
        outbox.end(entry, ["m1"])

    assert memory.sent(EVERYBODY).keys() == {"a"}
    assert store.redis.hgetall(Keys(SURFACE).sending) == {}


def test_an_adapter_that_died_meanwhile_finds_nothing_of_them(said, people, outbox):
    outbox.fresh(10)
    people.forget(OWN)

    assert [entry.event and entry.event.turn for entry in outbox.unfinished()] == ["a"]
    assert [entry.event for entry in outbox.fresh(10)] == [None, None]


def test_variants_and_where_the_replies_stand_go_as_well(said, people, outbox, memory):
    for entry in outbox.fresh(10):
        outbox.end(entry, [f"m of {entry.event.turn}"])

    people.forget(OWN)

    assert memory.sent(EVERYBODY) == {"a": ["m of a"]}
    assert [(turn.said, turn.reply, turn.variants) for turn in memory.recent(EVERYBODY)] == [
        (f"name of {ANN}: blue", "a reply", ("another", "a reply")),
        (f"name of {ANN}: green", "", ()),
    ]


def test_a_dead_letter_keeps_the_others_lines_alone(inbox, leases, people, dead):
    for number, lines in enumerate([[(BOB, "rain")], [(BOB, "more rain"), (ANN, "green")], [(ANN, "blue")]]):
        for speaker, text in lines:
            says(inbox, speaker, text)
        leases.commit(leases.acquire(EVERYBODY), Failed(str(EVERYBODY), f"t{number}", "1", "put_aside"), put_aside=True)

    [talk] = people.export(OWN)["conversations"]
    assert [line["text"] for line in talk["put_aside"]] == ["rain", "more rain"]
    people.forget(OWN)

    assert [[line.text for line in letter.lines] for letter in dead.all(SURFACE)] == [["green"], ["blue"]]


@pytest.mark.parametrize(("speaker", "is_left"), [(BOB, False), (ANN, True)])
def test_an_edit_that_was_offered_goes_with_its_speaker(store, vault, said, people, speaker, is_left):
    keep_edit(store, vault, EVERYBODY, Line("rainy", "u", "m", "name", 1.0, "edit", speaker))

    people.forget(OWN)

    assert (take_edit(store, vault, EVERYBODY) is not None) == is_left


def test_a_reply_in_the_making_that_read_their_words_ends_nothing_and_the_others_wait_anew(said, inbox, leases, people):
    says(inbox, ANN, "and now")
    lease = leases.acquire(EVERYBODY)

    people.forget(OWN)

    assert leases.renew(lease) == "lost"
    assert leases.commit(lease, Finished(str(EVERYBODY), "x", "1", "rain!")) is None
    assert inbox.overdue(SURFACE) == [EVERYBODY], "at once, not when the lease would have ended"
    again = leases.acquire(EVERYBODY)
    assert ([line.text for line in again.lines], again.tries) == (["and now"], 1)


def test_a_reply_in_the_making_that_has_nothing_of_them_goes_on(inbox, leases, people):
    says(inbox, BOB, "rain")
    inbox.stop(EVERYBODY)
    says(inbox, ANN, "hello")
    lease = leases.acquire(EVERYBODY)

    assert people.forget(OWN) == 0

    assert leases.renew(lease) == "held"


def test_who_wanted_no_answer_gets_none_after_a_line_beside_theirs_is_gone(inbox, leases, people):
    says(inbox, BOB, "rain")
    says(inbox, ANN, "never mind")
    leases.acquire(EVERYBODY)
    inbox.stop(EVERYBODY)
    says(inbox, ANN, "this one, please")

    people.forget(OWN)

    lease = leases.acquire(EVERYBODY)
    assert (lease.is_unwanted, [line.text for line in lease.lines]) == (True, ["never mind"])


def test_whatever_comes_between_reading_and_writing_is_read_as_well(said, inbox, leases, people, memory, store, monkeypatch):
    """A turn that ends in that moment is found, and one that began then is given up."""
    call = store.call

    def meanwhile(script, *rest, **more):
        if script == "withdraw":
            monkeypatch.setattr(store, "call", call)
            says(inbox, BOB, "late rain")
            end(leases, "late")
            says(inbox, BOB, "latest rain")
        return call(script, *rest, **more)

    monkeypatch.setattr(store, "call", meanwhile)

    assert people.forget(OWN) == 3
    assert [turn.id for turn in memory.recent(EVERYBODY)] == ["a", "ab"]
    assert inbox.num_waiting(EVERYBODY) == 0


def test_killed_halfway_it_is_ended_by_the_next_time(said, inbox, leases, people, memory, monkeypatch):
    other = replace(EVERYBODY, chat="-10", person="all--10")
    says(inbox, BOB, "rain there", other)
    end(leases, "c", where=other)
    forget = SharedTalks.forget

    def dies(self, conversation, speaker):
        if conversation == EVERYBODY:
            raise KeyboardInterrupt
        return forget(self, conversation, speaker)

    monkeypatch.setattr(SharedTalks, "forget", dies)
    with pytest.raises(KeyboardInterrupt):
        people.forget(OWN)
    monkeypatch.setattr(SharedTalks, "forget", forget)
    assert people.shared(OWN) == [EVERYBODY]

    assert people.forget(OWN) == 2
    assert [turn.id for turn in memory.recent(EVERYBODY)] == ["a", "ab"]
    assert people.shared(OWN) == []


def test_what_they_say_while_they_are_forgotten_stays_findable(said, inbox, people, vault, monkeypatch):
    erase = vault.erase

    def meanwhile(person):
        says(inbox, BOB, "I am back")
        erase(person)

    monkeypatch.setattr(vault, "erase", meanwhile)
    people.forget(OWN)

    assert people.shared(OWN) == [EVERYBODY]
    [talk] = people.export(OWN)["conversations"]
    assert [line["text"] for line in talk["waiting"]] == ["I am back"]


def test_forgetting_looks_at_no_key_but_those_that_are_theirs(said, people, store):
    store.redis.config_resetstat()
    people.forget(OWN)

    used = {name.split("|")[0] for name in store.redis.info("commandstats")}
    assert not used & {"cmdstat_scan", "cmdstat_keys"}


def test_nothing_readable_in_redis_tells_more_than_where_they_spoke(said, store):
    assert traces(store.redis, BOB) == [Keys(SURFACE).of_person(BOB, "conversations"), Keys(SURFACE).people]
    assert not [word for word in ("rain", "blue", "name of") if traces(store.redis, word)]


def test_redis_writes_its_files_anew_after_somebody_left_a_shared_talk(said, people, store):
    people.forget(OWN)

    assert store.redis.exists(ERASED)


def test_who_was_silent_for_long_is_erased_from_what_they_share(said, people, front, memory):
    surface = Keys(SURFACE)
    front.store.redis.zadd(surface.people, {BOB: 1.0})

    assert Retention(front).erase_silent(SURFACE, 1) == 1

    assert {speaker for turn in memory.recent(EVERYBODY) for speaker in turn.speakers} == {ANN}


def test_lines_from_before_they_knew_their_speaker_are_read_and_are_nobodys(store, vault, said, people, memory):
    """They go with the memory's oldest, or when the whole talk is reset."""
    seal, name = vault.find(EVERYBODY), Keys(SURFACE).of(EVERYBODY, "memory")
    old = json.loads(dump(Turn("old", (Line("Bob: old rain", "u", "m", "Bob", 1.0),), "old reply", 1.0, "default")))
    del old["lines"][0]["speaker"]
    store.redis.lpush(name, seal.close(json.dumps(old).encode(), str(EVERYBODY)))

    assert memory.recent(EVERYBODY)[0].said == "Bob: old rain"
    assert "old rain" not in json.dumps(people.export(OWN))
    people.forget(OWN)
    assert [turn.id for turn in memory.recent(EVERYBODY)] == ["old", "a", "ab"]
    assert memory.forget(EVERYBODY) == 3


def test_a_line_without_speaker_loads_as_before():
    kept = json.loads(dump(Line("hello", "1", "1", "Ann", 1.0)))
    del kept["speaker"]

    assert load_line(json.dumps(kept).encode()).said == "hello"


def test_a_shared_talk_that_is_erased_as_a_whole_leaves_nothing_to_export(said, people):
    people.forget(EVERYBODY)

    [talk] = people.export(OWN)["conversations"]
    assert (talk["turns"], talk["waiting"], talk["put_aside"]) == ([], [], [])
    assert people.forget(OWN) == 0
    assert people.shared(OWN) == []


def test_resetting_a_person_resets_no_shared_talk_of_others(said, people: People):
    assert people.conversations(OWN) == []
    assert people.shared(OWN) == [EVERYBODY]
