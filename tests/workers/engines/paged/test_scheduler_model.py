"""Everything that can happen to scheduler and pool, in any order: nothing leaks, nothing is shared wrongly, all come to an end.

The device is a dictionary: what a launch would write into the cache is written down, and read back as attention would.
"""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, lists, sampled_from

from workers.engines.base import Request, ThoughtLimit
from workers.engines.paged.blocks import BlockPool, pack
from workers.engines.paged.scheduler import Scheduler
from workers.engines.paged.sequence import Sequence

pytestmark = pytest.mark.timeout(1200)  # of which a failure takes most, to find the shortest story
END, CLOSING = 7, (8, 7, 9)


class SchedulerMachine(RuleBasedStateMachine):
    @initialize(
        block=sampled_from([1, 2, 4]),
        num_blocks=integers(12, 30),
        slots=integers(1, 5),
        chunk=integers(1, 9),
        is_ahead=booleans(),
    )
    def begin(self, block, num_blocks, slots, chunk, is_ahead):
        self.block, self.slots, self.chunk, self.is_ahead = block, slots, chunk, is_ahead
        self.context = (num_blocks - 1) * block
        self.pool = BlockPool(num_blocks, block)
        self.scheduler = Scheduler(self.pool, slots)
        self.cache, self.open, self.flying, self.num_asked = {}, [], [], 0
        self.forced, self.said = {}, []

    @rule(
        prompt=lists(integers(0, 1), min_size=1, max_size=40),
        max_tokens=integers(0, 12),
        limit=integers(-1, 6),
        conversation=sampled_from("ab"),
    )
    def ask(self, prompt, max_tokens, limit, conversation):
        prompt = prompt[: max(0, self.context - max_tokens)]
        if prompt:
            thought = ThoughtLimit(limit, END, CLOSING) if limit >= 0 else None
            request = Request(str(self.num_asked), tuple(prompt), max_tokens, thought=thought, conversation=conversation)
            self.open.append(sequence := Sequence(request, self.num_asked, 0, pack(prompt)))
            self.scheduler.add(sequence)
            self.said.append(sequence)
            self.num_asked += 1

    @precondition(lambda self: self.open)
    @rule(which=integers(0, 100))
    def cancel(self, which):
        self.finish(self.open[which % len(self.open)])

    @rule(conversation=sampled_from(["a", "b", None]))
    def forget(self, conversation):
        """What it alone has said is found by nobody, all else is as before."""
        before = set(self.pool._known.values())
        others = [one for one in self.said if conversation not in (one.request.conversation, None)]
        unused = self.scheduler.forget(conversation)
        found = set(self.pool._known.values())
        gone = {block: self.cache[block, self.block - 1] for block in before - found}

        for block in found:
            assert any(self.has_said(one, self.cache[block, self.block - 1]) for one in others)
        mine = [one for one in self.said if conversation in (one.request.conversation, None)]
        assert all(any(self.has_said(one, text) for one in mine) for text in gone.values())
        assert set(unused) == {block for block in gone if not self.pool._num_users[block]}

    def has_said(self, sequence, text):
        return [*sequence.ids, *self.in_flight(sequence)][: len(text)] == text

    @precondition(lambda self: self.scheduler.num_active > 1)
    @rule()
    def run_out_of_memory(self):
        assert self.scheduler.preempt_last()

    @precondition(lambda self: self.open)
    @rule(ids=lists(integers(0, 7), min_size=5, max_size=5), num=integers(1, 8))
    def step(self, ids, num):
        for _ in range(num):
            self.step_once(ids)

    def step_once(self, ids):
        schedule = self.scheduler.schedule(self.chunk)
        chunks, decodes = schedule.chunks, schedule.decodes
        assert sum(chunk.end - chunk.start for chunk in chunks) <= self.chunk
        assert len({one.slot for one in decodes} | {chunk.sequence.slot for chunk in chunks}) == len(decodes) + len(chunks)
        for chunk in chunks:
            for position in range(chunk.start, chunk.end):
                self.write(chunk.sequence, position, chunk.sequence.ids[: position + 1].tolist())
        launched = [(chunk.sequence, chunk.sequence.forced()) for chunk in chunks if chunk.samples]
        launched += [(one, one.forced()) for one in decodes]
        for sequence in decodes:
            # With a token in flight its id is only known to the device: here, to the launch that chose it.
            self.write(sequence, sequence.num_computed, [*sequence.ids, *self.in_flight(sequence)][: sequence.num_computed + 1])
        flight = [(one, forced if forced >= 0 else ids[one.order % len(ids)]) for one, forced in launched]
        self.scheduler.read(chunks)
        self.scheduler.written(decodes)
        for chunk in chunks:
            if chunk.sequence.is_background and not chunk.sequence.num_left:
                self.finish(chunk.sequence)
        if flight:
            self.flying.append(flight)
        while len(self.flying) > (self.is_ahead and bool(flight)):
            for sequence, id in self.flying.pop(0):
                self.take(sequence, id)

    def in_flight(self, sequence):
        return [id for flight in self.flying for one, id in flight if one is sequence]

    def write(self, sequence, position, ids):
        block = sequence.blocks[position // self.block]
        assert len(ids) == position + 1
        if self.pool._num_users[block] > 1:
            assert self.cache.get((block, position % self.block)) == ids, "a shared block is changed"
        # What attention reads: every position before holds what this very text put there.
        for earlier in range(position):
            place = sequence.blocks[earlier // self.block], earlier % self.block
            assert self.cache.get(place) == ids[: earlier + 1], "another text's keys and values"
        self.cache[block, position % self.block] = ids

    def take(self, sequence, id):
        if sequence.is_ended:
            return
        sequence.take(id)
        self.scheduler.publish(sequence)
        if sequence.num_new - sequence.num_pending == sequence.request.max_tokens:
            self.check_thought(sequence)
            self.finish(sequence)

    def check_thought(self, sequence):
        """Ended by itself in time, or by the closing words at the very token."""
        if thought := sequence.request.thought:
            written = sequence.ids[len(sequence.request.prompt) :].tolist()
            before, after = written[: thought.tokens], written[thought.tokens :]
            if END in before:
                assert CLOSING[0] not in written
            else:
                assert after[: len(CLOSING)] == list(CLOSING[: len(after)])

    def finish(self, sequence):
        self.scheduler.remove(sequence)
        sequence.is_ended = True
        self.open.remove(sequence)

    @invariant()
    def nothing_leaks(self):
        users = Counter(block for sequence in self.open for block in sequence.blocks)
        assert [users[block] for block in range(self.pool.num_blocks)] == self.pool._num_users
        assert set(self.pool._free) == set(range(1, self.pool.num_blocks)) - set(users)
        taken = [sequence.slot for sequence in self.open if sequence.slot >= 0]
        assert sorted(taken + self.scheduler._free_slots) == list(range(self.slots))
        assert all(self.pool._digests[block] == key for key, block in self.pool._known.items())
        owned = {block: owner for owner, blocks in self.pool._owners._blocks.items() for block in blocks}
        assert owned == self.pool._owners._owner
        assert owned.keys() <= set(self.pool._known.values())

    @invariant()
    def who_is_older_is_never_set_back_for_who_is_younger(self):
        waiting_and_begun = [one for one in self.scheduler._waiting if one.num_new]
        for one in waiting_and_begun:
            assert all(other.urgency < one.urgency or other.num_computed == 0 for other in self.scheduler._active())

    def teardown(self):
        """Whatever happened, all come to an end."""
        for _ in range(3000):
            if not self.open:
                break
            self.step_once([0, 1, 2, 3, 4])
        assert not self.open
        assert self.pool.num_free == self.pool.num_blocks - 1


SchedulerMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=25, deadline=None)
TestScheduler = SchedulerMachine.TestCase
