"""Prompts as the worker writes them for the echo engine, and its ids back to text."""

from itertools import takewhile

from workers.engines.base import Request
from workers.engines.echo import ASSISTANT, BEGIN, END, END_THINK, THINK, USER, reply

OPEN = (THINK, *b"\n")
CLOSED = (THINK, *b"\n", END_THINK, *b"\n\n")


def prompt_ids(*turns, opening=OPEN):
    """`turns` are the person's and the assistant's, in turn, the person's first and last."""
    ids = [BEGIN]
    for i, turn in enumerate(turns):
        ids += [ASSISTANT, *turn.encode(), END] if i % 2 else [USER, *turn.encode()]
    return (*ids, ASSISTANT, *opening)


def asking(*turns, id="a", max_tokens=4000, opening=OPEN):
    return Request(id, prompt_ids(*turns, opening=opening), max_tokens, frozenset({END}))


def text(pieces):
    """All ids as text; the end of the thought is written </think>."""
    ids = [id for piece in pieces for id in piece]
    return b"".join(b"</think>" if id == END_THINK else bytes([id]) for id in ids).decode()


def whole_answer(said):
    """What the engine answers where nobody stops it."""
    ids = reply.write(reply.read(prompt_ids(said, opening=CLOSED)))
    return text([takewhile(lambda id: id != END, ids)])
