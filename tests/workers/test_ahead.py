"""What is read while nobody waits is the newest alone: an engine that is never idle is not buried in it."""

from workers import ahead
from workers.ahead import Ahead
from workers.engines.generation import Generation


class Engine:
    def __init__(self):
        self.asked, self.cancelled = [], []

    def generate(self, request, timeout=0.0):
        self.asked.append(request)
        return Generation(request.id, lambda: self.cancelled.append(request.prompt))


def test_a_conversation_has_one_at_a_time_and_none_once_its_next_prompt_is_here():
    engine = Engine()
    asked = Ahead(engine)
    asked.read("a", (1,))
    asked.read("b", (2,))
    asked.read("a", (3,))
    assert engine.cancelled == [(1,)]

    asked.drop("a")
    asked.drop("a")
    assert engine.cancelled == [(1,), (3,)]
    assert {request.max_tokens for request in engine.asked} == {0}


def test_the_oldest_are_given_up(monkeypatch):
    monkeypatch.setattr(ahead, "MAX_ASKED", 3)
    engine = Engine()
    asked = Ahead(engine)
    for number in range(5):
        asked.read(str(number), (number,))

    assert engine.cancelled == [(0,), (1,)]
