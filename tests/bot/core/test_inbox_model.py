"""Inbox, lease, outbox and memory against a plain model: workers and the adapter do anything, crash and come back."""

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.core.dead import DeadLetters
from bot.core.inbox import Inbox
from bot.core.lease import MAX_TRIES, Leases
from bot.core.memory import Memory
from bot.core.messages import Conversation, Failed, Finished, Incoming, Line, Turn, load_event, load_line
from bot.core.outbox import Outbox
from bot.core.people import People
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Vault

ORDINARY = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
THOROUGH = settings(ORDINARY, max_examples=300)
MAX_LINES, MEMORY_TURNS, PERSON_REPLIES = 4, 3, 1
_bots = itertools.count(1)

EVERYBODY = "all--9"
PLACES = [
    ("1", "1"),
    ("-9", "1"),
    ("-9", "2"),
    ("-9", EVERYBODY),
]  # one person in two chats, two people in one, and what they share
wheres = st.sampled_from([PLACES[0], *PLACES])
speakers = st.sampled_from(["1", "2"])


@dataclass
class Talk:
    """What Redis should hold of one conversation."""

    lines: list = field(default_factory=list)
    turns: list = field(default_factory=list)
    chapter: int = 0
    token: str = ""
    is_live: bool = False
    stop: int = 0
    is_due: bool = False
    tries: int = 0
    fence: int = 0
    generation: int = 0

    @property
    def current(self):
        return self.chapter, [turn for turn in self.turns if turn.chapter == self.chapter]

    @property
    def next_turn(self):
        lines = self.lines[: self.stop or None]
        if self.tries >= MAX_TRIES or lines[0].kind == "retry":
            return lines[:1]
        return list(itertools.takewhile(lambda line: line.kind == "say", lines))

    def let_go(self):
        self.token, self.is_live, self.is_due = "", False, True


@dataclass
class Sent:
    """What the outbox should hold: an event, None for one that holds nothing."""

    conversation: Conversation
    generation: int
    event: Finished | Failed | None
    is_read: bool = False
    is_begun: bool = False
    id: str = ""


class World(RuleBasedStateMachine):
    leases = Bundle("leases")

    def __init__(self, store):
        super().__init__()
        self.bot, self.ids = f"b{next(_bots)}", itertools.count(1)
        vault = Vault(store, master=b"k" * 32)
        memory, dead = Memory(store, vault), DeadLetters(store, vault)
        surface = f"model:{self.bot}"
        self.real = SimpleNamespace(
            redis=store.redis,
            vault=vault,
            surface=surface,
            keys=Keys(surface),
            inbox=Inbox(store, vault, MAX_LINES, PERSON_REPLIES),
            leases=Leases(store, vault, lease_seconds=600, memory_turns=MEMORY_TURNS, person_replies=lambda: PERSON_REPLIES),
            memory=memory,
            dead=dead,
            people=People(store, vault, memory, dead),
            outbox=Outbox(store, vault, surface),
        )
        self.real.outbox.open()
        self.talks = {self.conversation(where): Talk() for where in PLACES}
        self.outbox, self.dead, self.known, self.reading = [], {}, [], {}
        self.accepted, self.ended, self.forgotten = {}, Counter(), set()

    def conversation(self, where):
        chat, person = where
        return Conversation("model", self.bot, chat, "0", person)

    # people

    @rule(where=wheres, said=st.lists(st.tuples(st.sampled_from(["say", "say", "retry"]), speakers), min_size=1, max_size=3))
    def write(self, where, said):
        for kind, speaker in said:
            self._write(where, kind, speaker if where[1] == EVERYBODY else "")

    def _write(self, where, kind, speaker):
        number = str(next(self.ids))
        conversation, line = self.conversation(where), Line(f"said {number}", number, number, "Ann", 1.0, kind, speaker)
        talk = self.talks[conversation]
        is_full = len(talk.lines) >= MAX_LINES
        accepted = self.real.inbox.accept(Incoming(conversation, line))
        may_wake = conversation in self._place(conversation, "held")
        assert accepted == ("full" if is_full else "accepted" if may_wake else "behind")
        self.known.append((conversation, line))
        if not is_full:
            talk.is_due = talk.is_due and bool(talk.lines)
            talk.lines.append(line)
            self.accepted[number] = conversation

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def platform_repeats_an_update(self, data):
        conversation, line = data.draw(st.sampled_from(self.known))
        assert self.real.inbox.accept(Incoming(conversation, line)) == "known"

    @rule(where=wheres)
    def stop(self, where):
        conversation = self.conversation(where)
        talk = self.talks[conversation]
        expected = "stopping" if talk.is_live else "dropped" if talk.lines else "idle"
        assert self.real.inbox.stop(conversation) == expected
        if talk.is_live:
            talk.stop = len(talk.lines)
            return
        talk.let_go()
        if talk.lines:
            self._send(conversation, Failed(str(conversation), "", "", "stopped"))
        self._drop(talk)

    @rule(where=wheres, person=st.booleans())
    def forget(self, where, person):
        conversation = self.conversation(where)
        if person:
            self._forget_person(conversation.person)
            return
        assert self.real.memory.forget(conversation) == len(self.talks[conversation].turns)
        self._forget(conversation)

    def _forget_person(self, person):
        theirs = [conversation for conversation in self.talks if conversation.person == person]
        expected = sum(len(self.talks[conversation].turns) for conversation in theirs)
        expected += self._withdraw(self.conversation(("-9", EVERYBODY)), person)
        assert self.real.people.forget(theirs[0]) == expected
        for conversation in theirs:
            self._forget(conversation)
            self.talks[conversation] = Talk()
        for sent in self.outbox:
            if sent.conversation in theirs:
                sent.event = None

    @precondition(lambda self: any(talk.turns for talk in self.talks.values()))
    @rule(where=wheres)
    def begin_a_new_conversation(self, where):
        talk = self.talks[self.conversation(where)]
        self.real.memory.start_new(self.conversation(where))
        if talk.fence or talk.generation:
            talk.chapter += 1

    # workers

    @precondition(lambda self: any(talk.lines for talk in self.talks.values()))
    @rule(target=leases, data=st.data(), any_place=st.sampled_from([False, False, False, True]))
    def acquire(self, data, any_place):
        conversation = data.draw(st.sampled_from([name for name, talk in self.talks.items() if talk.lines or any_place]))
        talk, held = self.talks[conversation], self._place(conversation, "held")
        lease = self.real.leases.acquire(conversation)
        is_later = len(held) >= PERSON_REPLIES and conversation not in held
        if talk.is_live or not talk.lines or is_later:
            assert lease is None
            talk.is_due = talk.is_due and talk.is_live  # one that is woken too early waits for the end of another
            return multiple()
        assert lease.fence > talk.fence
        talk.tries, talk.fence = talk.tries + 1, lease.fence
        assert (lease.tries, list(lease.lines)) == (talk.tries, talk.next_turn)
        talk.token, talk.is_live, talk.is_due = lease.token, True, False
        self._wake(lease.woken)
        return lease

    @rule(lease=leases)
    def renew(self, lease):
        talk = self.talks[lease.conversation]
        expected = "lost" if lease.token != talk.token else "stop" if talk.stop else "held"
        assert self.real.leases.renew(lease) == expected
        if expected != "lost":
            talk.is_live, talk.is_due = True, False

    @precondition(lambda self: any(talk.lines for talk in self.talks.values()))
    @rule(data=st.data())
    def time_runs_out(self, data):
        """A lease whose worker went silent expires; a wake-up that led to nothing is overdue."""
        conversation = data.draw(st.sampled_from([name for name, talk in self.talks.items() if talk.lines]))
        talk = self.talks[conversation]
        if talk.token:
            self.real.redis.hset(self.real.keys.of(conversation, "state"), "until", 0)
            talk.is_live = False
        if talk.lines:
            self.real.redis.zadd(self.real.keys.pending, {str(conversation): 0})
            talk.is_due = True

    @rule(lease=consumes(leases))
    def worker_crashes(self, lease):
        """Nothing is told to anybody."""

    @rule(lease=leases, forgive=st.booleans())
    def release(self, lease, forgive):
        self.real.leases.release(lease, forgive=forgive)
        talk = self.talks[lease.conversation]
        if lease.token == talk.token:
            talk.let_go()
            talk.tries -= forgive

    @rule(lease=consumes(leases), end=st.sampled_from(["append", "append", "replace", "none", "put aside"]))
    def commit(self, lease, end):
        talk = self.talks[lease.conversation]
        numbers = [line.update_id for line in lease.lines]
        id, place = f"t{next(self.ids)}", str(lease.conversation)
        said = Turn(id, lease.lines, f"answer to {numbers}", 2.0, "default", chapter=talk.chapter)
        remember = "none" if end == "put aside" else "append" if end == "replace" and not talk.current[1] else end
        final = (
            Finished(place, id, numbers[-1], said.reply, speakers=said.speakers)
            if remember != "none"
            else Failed(place, id, numbers[-1], "put_aside")
        )
        woken = self.real.leases.commit(lease, final, said, remember, put_aside=end == "put aside")
        assert self.real.leases.commit(lease, final, said, remember) is None, "a turn ends once"
        if lease.token != talk.token:
            assert woken is None, "a lost lease commits nothing"
            return
        self.ended.update(numbers)
        self._end_turn(talk, lease, said, remember)
        assert set(woken) <= self._place(lease.conversation, "held"), "who is woken is next"
        self._wake(woken)
        self._send(lease.conversation, final)
        if end == "put aside":
            self.dead[id] = (lease.conversation, lease.lines)

    @precondition(lambda self: any(talk.is_due for talk in self.talks.values()))
    @rule()
    def sweep(self):
        found = set(self.real.inbox.overdue(self.real.surface))
        must = {conversation for conversation, talk in self.talks.items() if talk.lines and talk.is_due}
        may = {conversation for conversation, talk in self.talks.items() if talk.lines and not talk.is_live}
        assert must <= found <= may
        for talk in self.talks.values():
            talk.is_due = False

    # operator

    @precondition(lambda self: self.dead)
    @rule(data=st.data(), again=st.booleans())
    def operator_ends_a_dead_letter(self, data, again):
        id = data.draw(st.sampled_from(sorted(self.dead)))
        [letter] = [letter for letter in self.real.dead.all(self.real.surface) if letter.id == id]
        conversation, lines = self.dead.pop(id)
        assert (self.real.dead.replay if again else self.real.dead.drop)(letter)
        assert not self.real.dead.replay(letter), "a letter ends once"
        if again:
            self.talks[conversation].lines.extend(lines)
            self.ended.subtract(line.update_id for line in lines)

    # adapter

    @precondition(lambda self: any(not sent.is_read for sent in self.outbox))
    @rule()
    def adapter_reads_what_is_new(self):
        fresh = _by_conversation(sent for sent in self.outbox if not sent.is_read)
        for sent, entry in zip(fresh, self._read(self.real.outbox.fresh(1), fresh), strict=True):
            sent.is_read, sent.id = True, entry.id
            self.reading[entry.id] = entry

    @precondition(lambda self: any(sent.is_read for sent in self.outbox))
    @rule()
    def adapter_crashes_and_comes_back(self):
        begun = _by_conversation(sent for sent in self.outbox if sent.is_read)
        self.reading = {entry.id: entry for entry in self._read(self.real.outbox.unfinished(), begun)}

    @precondition(lambda self: self.reading)
    @rule(data=st.data(), step=st.sampled_from(["begin", "undo", "end", "end"]))
    def adapter_delivers(self, data, step):
        entry = self.reading[data.draw(st.sampled_from(sorted(self.reading)))]
        sent = next((sent for sent in self.outbox if sent.id == entry.id), None)
        if sent is None:  # withdrawn while it was being sent
            self.real.outbox.end(self.reading.pop(entry.id), ["m1"])
        elif step == "end":
            self.real.outbox.end(entry, ["m1"])
            self.outbox.remove(sent)
            del self.reading[entry.id]
        else:
            (self.real.outbox.begin if step == "begin" else self.real.outbox.undo_begin)(entry)
            sent.is_begun = step == "begin"

    # what must always hold

    @invariant()
    def redis_holds_what_the_model_holds_and_nothing_that_was_forgotten(self):
        for conversation, talk in self.talks.items():
            lines, turns, current = self._held(conversation)
            assert (lines, turns, current) == (talk.lines, talk.turns, talk.current)
            assert self._state(conversation) == (talk.token, talk.tries, talk.fence, talk.generation, talk.stop)
            assert not self.forgotten & {turn.id for turn in turns}
        events = self._outbox()
        sent_and_valid = _by_conversation(sent for sent in self.outbox if not self._is_old(sent))
        assert events == [(sent.conversation, sent.event) for sent in sent_and_valid]
        assert not self.forgotten & {event.turn for _, event in events if event}
        assert self.real.redis.xlen(self.real.keys.outbox) == len(self.outbox)
        assert {letter.id: (letter.conversation, letter.lines) for letter in self.real.dead.all(self.real.surface)} == self.dead

    @invariant()
    def whoever_has_lines_is_known_to_the_sweeper(self):
        pending = {name.decode() for name in self.real.redis.zrange(self.real.keys.pending, 0, -1)}
        assert pending == {str(conversation) for conversation, talk in self.talks.items() if talk.lines}

    @invariant()
    def a_person_has_no_more_replies_in_the_making_than_their_share_and_none_is_left_behind(self):
        for person in {conversation.person for conversation in self.talks}:
            theirs = {conversation for conversation, talk in self.talks.items() if conversation.person == person}
            waiting = {conversation for conversation in theirs if self.talks[conversation].lines}
            held, behind = (self._place(next(iter(theirs)), what) for what in ("held", "behind"))
            assert (held | behind, held & behind) == (waiting, set())
            assert bool(held) == bool(waiting), "somebody's end wakes those behind"
            assert len(held) <= PERSON_REPLIES

    @invariant()
    def every_accepted_line_waits_or_has_ended_once(self):
        waiting = Counter(line.update_id for talk in self.talks.values() for line in talk.lines)
        assert {number: waiting[number] + self.ended[number] for number in self.accepted} == dict.fromkeys(self.accepted, 1)

    @invariant()
    def where_somebody_spoke_is_known(self):
        for conversation, talk in self.talks.items():
            for speaker in {line.speaker for line in [*talk.lines, *(line for turn in talk.turns for line in turn.lines)]} - {
                ""
            }:
                assert conversation in self.real.people.shared(replace(conversation, person=speaker))

    # how the model changes

    def _wake(self, conversations):
        """A worker is on its way to them; only when it does not come are they overdue again."""
        for conversation in conversations:
            self.talks[conversation].is_due = False

    def _send(self, conversation, event):
        self.outbox.append(Sent(conversation, self.talks[conversation].generation, event))

    def _drop(self, talk):
        self.ended.update(line.update_id for line in talk.lines)
        talk.lines, talk.tries, talk.stop, talk.is_due = [], 0, 0, False

    def _forget(self, conversation):
        talk = self.talks[conversation]
        if not (talk.lines or talk.fence or talk.generation):
            return  # nothing was ever here
        self.forgotten |= {turn.id for turn in talk.turns}
        talk.generation += 1
        if talk.lines:
            self._send(conversation, None)
        talk.let_go()
        self._drop(talk)
        talk.turns, talk.chapter = [], 0
        self.dead = {id: letter for id, letter in self.dead.items() if letter[0] != conversation}

    def _withdraw(self, conversation, speaker):
        """What one of several said there, and what was answered to it, is gone; gives the number of turns."""
        talk = self.talks[conversation]
        theirs = [turn for turn in talk.turns if speaker in turn.speakers]
        self._withdraw_sent(conversation, speaker)
        self.dead = {id: (where, left) for id, (where, lines) in self.dead.items() if (left := _others(speaker, lines))}
        self.forgotten |= {turn.id for turn in theirs if not _others(speaker, turn.lines)}
        left = [replace(turn, lines=_others(speaker, turn.lines), reply="") if turn in theirs else turn for turn in talk.turns]
        talk.turns = [turn for turn in left if turn.lines]
        taken = [line for line in talk.lines if line.speaker == speaker]
        if taken:
            self._send(conversation, None)
            self.ended.update(line.update_id for line in taken)
        if theirs or taken:
            self._give_up(talk, speaker)
        return len(theirs)

    def _give_up(self, talk, speaker):
        talk.stop = len(_others(speaker, talk.lines[: talk.stop]))
        talk.lines = list(_others(speaker, talk.lines))
        if talk.token:
            talk.tries -= 1
            talk.let_go()
        if not talk.lines:
            self._drop(talk)

    def _withdraw_sent(self, conversation, speaker):
        for sent in list(self.outbox):
            if sent.conversation == conversation and speaker in getattr(sent.event, "speakers", ()):
                self.outbox.remove(sent)
                self._send(conversation, None)

    def _end_turn(self, talk, lease, said, remember):
        talk.lines = talk.lines[len(lease.lines) :]
        if remember != "none":
            kept = talk.turns[:-1] if remember == "replace" else talk.turns
            talk.turns = [*kept, said][-MEMORY_TURNS:]
        talk.let_go()
        talk.tries, talk.stop, talk.is_due = 0, 0, False  # whoever commits wakes the next

    # what Redis holds

    def _place(self, conversation, what):
        """The person's conversations that are `held` (in line or leased) or wait `behind` those."""
        names = self.real.redis.zrange(self.real.keys.of_person(conversation.person, what), 0, -1)
        return {Conversation.parse(name.decode()) for name in names}

    def _held(self, conversation):
        seal, name = self.real.vault.seal(conversation), self.real.keys.of(conversation, "inbox")
        lines = [load_line(seal.open(line, str(conversation))) for line in self.real.redis.lrange(name, 0, -1)]
        return lines, self.real.memory.recent(conversation), self.real.memory.current(conversation)

    def _state(self, conversation):
        state = self.real.redis.hgetall(self.real.keys.of(conversation, "state"))
        numbers = (int(state.get(name, 0)) for name in (b"tries", b"fence", b"generation"))
        return state.get(b"lease", b"").decode(), *numbers, int(state.get(b"stop", 0))

    def _outbox(self):
        """What could still be shown, opened as delivery would."""
        found = []
        for _, fields in self.real.redis.xrange(self.real.keys.outbox):
            conversation = Conversation.parse(fields[b"conversation"].decode())
            if int(fields[b"generation"]) == self.talks[conversation].generation:
                found.append((conversation, self._event(conversation, fields[b"event"])))
        return sorted(found, key=lambda one: str(one[0]))

    def _event(self, conversation, sealed):
        if not sealed:
            return None
        try:
            event = load_event(self.real.vault.seal(conversation).open(sealed, str(conversation)))
        except Forgotten:
            return None
        return _plain(event)

    def _is_old(self, sent):
        return sent.generation != self.talks[sent.conversation].generation

    def _read(self, entries, expected):
        entries = _by_conversation(entries)
        events = [None if self._is_old(sent) else sent.event for sent in expected]
        assert [(entry.conversation, entry.event and _plain(entry.event), entry.is_repeat) for entry in entries] == [
            (sent.conversation, event, sent.is_begun) for sent, event in zip(expected, events, strict=True)
        ]
        return entries


def _others(speaker, lines):
    return tuple(line for line in lines if line.speaker != speaker)


def _by_conversation(entries):
    """Order counts within a conversation, not between them."""
    return sorted(entries, key=lambda entry: str(entry.conversation))


def _plain(event):
    """`stop` makes an id of its own."""
    return replace(event, turn="") if event.kind == "failed" and event.reason == "stopped" else event


@pytest.mark.timeout(1200)  # of which a failure takes most, to find the shortest story
@pytest.mark.parametrize("profile", [ORDINARY, pytest.param(THOROUGH, marks=pytest.mark.slow)], ids=["ordinary", "thorough"])
def test_whatever_workers_people_and_the_adapter_do_the_model_agrees(redis_server, profile):
    store = Store(redis_server.url)
    try:
        run_state_machine_as_test(lambda: World(store), settings=profile)
    finally:
        store.close()
