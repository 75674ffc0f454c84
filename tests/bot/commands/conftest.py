"""What tests of the commands share: giving one, and whole turns to give them about."""

import time
from dataclasses import replace

import pytest

from bot import commands
from bot.commands import parse
from tests.sayings import finished, incoming, talk, turn


@pytest.fixture
def tell(front):
    def run(text, language="en", conversation=None, front=front):
        return commands.run(front, parse(incoming(text, conversation), language))

    return run


@pytest.fixture
def end_turn(inbox, leases, memory):
    """Somebody writes and a worker answers; gives the line. With `variants`, the last of them is the reply that counts."""

    def end(id="t1", said="hello", conversation=None, reply="hi", variants=()):
        conversation = conversation or talk()
        update = incoming(said, conversation)
        inbox.accept(update)
        kept = replace(turn(id, said, variants[-1] if variants else reply), lines=(update.line,), variants=tuple(variants))
        kept = replace(kept, chapter=memory.current(conversation)[0], at=time.time())
        leases.commit(leases.acquire(conversation), finished(conversation, id), kept, "append")
        return update.line

    return end
