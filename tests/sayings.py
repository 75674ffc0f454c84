"""Short ways to say what tests say often."""

import itertools

from bot.core.messages import Conversation, Finished, Incoming, Line, Turn

SURFACE = "telegram:42"
_updates = itertools.count(1)


def talk(person="1001", chat=None, thread="0"):
    return Conversation("telegram", "42", chat or person, thread, person)


def line(text="hello", update_id=None, kind="say", at=1.0):
    number = str(next(_updates))
    return Line(text, update_id or number, number, "Ann", at, kind)


def incoming(text="hello", conversation=None, update_id=None, kind="say"):
    return Incoming(conversation or talk(), line(text, update_id, kind))


def turn(id="t1", said="hello", reply="hi"):
    return Turn(id, (line(said),), reply, 2.0, "default")


def finished(conversation, turn="t1", answer="hi"):
    return Finished(str(conversation), turn, "1", answer)
