"""A llama.cpp of our own with honest books, and a loop that steps an engine by hand."""

from itertools import count

from workers.engines.base import Limits, Request, Sampling, Tokens
from workers.engines.llamacpp.cache import Cache
from workers.engines.llamacpp.engine import LlamaCppEngine

NUM_IDS, CONTEXT = 97, 64


def next_id(ids):
    """What this model says after `ids`: every id counts, and where it stands."""
    return sum((position + 3) * (id + 1) for position, id in enumerate(ids)) % NUM_IDS


def reply(request):
    """What it writes if it is alone."""
    ids = list(request.prompt)
    for _ in range(request.max_tokens):
        if (id := next_id(ids)) in request.stop_ids:
            break
        ids.append(id)
    return ids[len(request.prompt) :]


class Sampler:
    def __init__(self, runtime, request):
        self.runtime, self.request, self.accepted = runtime, request, []

    def choose(self, row):
        ids = self.runtime.asked[row]
        if self.request.id in self.runtime.broken:
            return None
        return next_id(ids)

    def accept(self, id):
        self.accepted.append(id)

    def close(self):
        self.runtime.samplers.remove(self)


class Runtime:
    """A slot is a list of cells; a cell is (its number, the id in it). Refuses what llama.cpp would refuse."""

    def __init__(self, num_cells, num_slots):
        self.num_cells, self.num_slots = num_cells, num_slots
        self.slots, self.numbers = {}, count()
        self.asked, self.read_ids, self.steps, self.samplers, self.broken = {}, [], [], [], set()

    def num_used(self):
        return len({number for cells in self.slots.values() for number, _ in cells})

    def read(self, pieces):
        assert pieces, "an empty step"
        if self.num_used() + sum(len(piece.ids) for piece in pieces) > self.num_cells:
            return False
        self.asked, row = {}, -1
        for piece in pieces:
            assert 0 <= piece.slot < self.num_slots
            cells = self.slots.setdefault(piece.slot, [])
            assert piece.start == len(cells), "positions must follow each other"
            cells += [(next(self.numbers), id) for id in piece.ids]
            row += len(piece.ids)
            self.read_ids += piece.ids
            if piece.asks:
                self.asked[row] = [id for _, id in cells]
        self.steps.append([(piece.slot, len(piece.ids)) for piece in pieces])
        return True

    def copy(self, source, target, num):
        assert not self.slots.get(target), "only an empty slot takes a copy"
        self.slots[target] = self.slots[source][:num]

    def cut(self, slot, num):
        del self.slots[slot][num:]

    def sampler(self, request, seed):
        self.samplers.append(sampler := Sampler(self, request))
        return sampler

    def close(self):
        self.slots.clear()


def make_engine(num_cells=256, requests=4, kept=3, chunk=16, shares=True):
    runtime = Runtime(num_cells, requests + kept)
    cache = Cache(runtime, num_cells, requests + kept, shares=shares)
    return LlamaCppEngine(runtime, cache, Limits(CONTEXT, requests, steers=True), NUM_IDS, chunk), runtime


def asking(prompt, id="a", max_tokens=8, **more):
    return Request(id, tuple(prompt), max_tokens, sampling=Sampling(temperature=0.0), **more)


def run(engine, *requests, act=lambda step, replies: None, most=5000):
    """{id: (ids, why it ended)}; `act` is called before each step and may submit and cancel."""
    for request in requests:
        engine.submit(request)
    replies, ends = {}, {}
    for step in range(most):
        act(step, replies)
        for event in engine.step(0.0):
            assert event.id not in ends, "something after the end"
            if isinstance(event, Tokens):
                replies.setdefault(event.id, []).extend(event.ids)
            else:
                ends[event.id] = event.reason
        if not engine._open and engine._inbox.empty():
            return {id: (replies.get(id, []), end) for id, end in ends.items()}
    raise AssertionError("the engine does not come to an end")


def assert_books_are_right(engine, runtime):
    """What the cache believes is what is there, and nothing belongs to a request that is over."""
    cache = engine._cache
    assert {slot: ids for slot, ids in cache._ids.items() if ids} == {
        slot: [id for _, id in cells] for slot, cells in runtime.slots.items() if cells
    }
    assert cache.num_cells - cache.num_free == runtime.num_used()
    assert (engine._active, engine._waiting, runtime.samplers) == ([], [], [])
    assert sorted([*cache._kept, *cache._free_slots]) == list(range(runtime.num_slots))
