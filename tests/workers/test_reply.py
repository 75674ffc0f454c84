"""However the tokens come, one by one or many at once, the reply is the same: its words, its end and what it counts."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.messages import Line
from bot.core.personas import Personas
from tests.sayings import talk
from workers.engines import echo
from workers.engines.base import Ended, Sampling, ThoughtLimit
from workers.engines.errors import EngineDied
from workers.engines.generation import Generation
from workers.engines.openai.ids import pack
from workers.engines.openai.tokenizer import ChatTokenizer
from workers.heart import Watch
from workers.models import BUNDLED
from workers.reply import Budget, Plan, Reply
from workers.thinking import CLOSE, OPEN
from workers.tokenizer import ByteTokenizer, load_tokenizer
from workers.writer import Task, Writer, _Drafts

BYTES, MODEL = ByteTokenizer(), load_tokenizer("paged", str(BUNDLED))
PLAN = Plan("r", (1,), (10, echo.END_THINK, 10), True, Budget(30, 40), Sampling())
LIMITED = replace(PLAN, thought_limit=ThoughtLimit(30, echo.END_THINK, (10, echo.END_THINK, 10)))
UNCLOSED = replace(PLAN, close_thought=())

# No tags that are spelled out: a model that has tokens for them may have what comes with such a one counted to the wrong side.
pieces = st.sampled_from([*"ab <", "</th", "你", "🙂", "ha " * 40, "\n\n", "end. "]) | st.text(max_size=6)
marks = st.sampled_from([(echo.THINK,), (echo.END_THINK,)])
streams = st.lists(pieces.map(str.encode) | marks | st.binary(max_size=4), max_size=12).map(
    lambda parts: [id for part in parts for id in part]
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def chunks(ids, sizes):
    while ids:
        for size in sizes:
            if ids:
                yield tuple(ids[:size])
                ids = ids[size:]


def made_of(parts, plan, tokenizer=BYTES):
    """What a reply is once these have come, up to where it would stop reading."""
    reply, is_enough = Reply(plan, tokenizer), False
    for part in parts:
        if is_enough := reply._take(part):
            break
    reply._feed(reply._decoder.flush())
    reply._add(reply._splitter.finish())
    return reply.thought, reply.answer, reply.end, reply.thinking, is_enough, reply._ids


@settings(deadline=None, max_examples=400)
@given(ids=streams, sizes=cuts, plan=st.sampled_from([PLAN, LIMITED, UNCLOSED]))
def test_a_reply_does_not_depend_on_how_many_tokens_come_at_once(ids, sizes, plan):
    assert made_of(chunks(ids, sizes), plan) == made_of(chunks(ids, [1]), plan)


spelled = st.sampled_from([OPEN, CLOSE]) | pieces
served = st.lists(spelled.map(lambda text: pack(text.encode(errors="replace"))) | marks, max_size=12).map(
    lambda parts: [id for part in parts for id in part]
)


@settings(deadline=None, max_examples=400)
@example(ids=[echo.THINK, *pack(b"a thought. " * 30), echo.END_THINK, *pack(b"An answer.")], sizes=[100])
@given(ids=served, sizes=cuts)
def test_nor_does_that_of_a_chat_server_where_a_tag_may_stand_anywhere(ids, sizes):
    plan, chat = replace(UNCLOSED, inside=False), ChatTokenizer()

    assert made_of(chunks(ids, sizes), plan, chat) == made_of(chunks(ids, [1]), plan, chat)


@settings(deadline=None)
@example(text="000𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀𐀀ࠀ𐀀", sizes=[1, 15])
@given(text=st.text(max_size=80), sizes=cuts)
def test_whole_characters_come_out_however_they_are_cut(text, sizes):
    decoder, ids = MODEL.decoder(), MODEL.encode(text)

    assert "".join(map(decoder.feed, chunks(ids, sizes))) + decoder.flush() == MODEL._plain(text)


class Model:
    """Writes these ids, whatever it is asked, in a context of so many tokens."""

    def __init__(self, *replies, context=1000):
        self.replies, self.context, self.asked = list(replies), context, []

    def generate(self, request, timeout=1.0):
        self.asked.append(request)
        ids, generation = self.replies.pop(0), Generation("a", lambda: generation.end(Ended("a", "cancelled")))
        for id in ids[: request.max_tokens]:
            generation.arrive(id)
        too_long = len(request.prompt) + request.max_tokens > self.context
        ended = "refused" if too_long else "length" if len(ids) >= request.max_tokens else "stop"
        generation.end(Ended("a", ended))
        return generation


def written(model, plan, on_text=lambda reply: 0.0, watch=None):
    reply = Reply(plan, BYTES)
    reply.write(model, watch or Watch(60), on_text)
    return reply


@pytest.mark.parametrize("num", range(len("Fine. "), len("Fine. 你好 🙂 <th".encode()) + 1))
def test_an_answer_is_cut_behind_a_whole_character_and_no_tag_that_was_beginning_stands_behind_it(num):
    plan = replace(PLAN, inside=False, budget=Budget(30, num))

    reply = written(Model("Fine. 你好 🙂 <think".encode()), plan)

    assert (reply.answer, reply.end) == ("Fine.", "cut")


def test_an_answer_that_is_stopped_in_the_middle_of_a_character_ends_before_it():
    watch = Watch(60)

    reply = written(Model("好 🙂".encode()[:-1]), replace(PLAN, inside=False), lambda _: watch.interrupt("stop") or 0.0, watch)

    assert reply.answer == "好"


def test_an_answer_has_its_whole_budget_behind_a_thought_that_the_model_opens_itself():
    model = Model([echo.THINK, *b"hm " * 9, echo.END_THINK, *b"An answer of forty letters or near it."])

    reply = written(model, replace(PLAN, inside=False))

    assert (reply.thought.strip(), reply.answer) == ("hm hm hm hm hm hm hm hm hm", "An answer of forty letters or near it.")
    assert (reply.end, len(model.asked)) == ("whole", 1)


@pytest.mark.parametrize(("num_more", "answer", "end"), [(3, "An answer. \nSo it is.", "whole"), (40, "An answer.", "cut")])
def test_a_reply_with_a_second_thought_stays_within_the_place_that_was_kept_for_it(num_more, answer, end):
    ids = [*b"hm " * 9, echo.END_THINK, *b"An answer. ", echo.THINK, *b"well, " * num_more]
    model = Model(ids, b"So it is.", context=len(PLAN.prompt) + 30 + len(PLAN.close_thought) + 40)

    reply = written(model, PLAN)

    assert (reply.answer, reply.end) == (answer, end)


class Reader:
    """A thread that reads once, and when it was done."""

    def __init__(self, generation, not_before):
        self.ids = self.read_at = None
        self.thread = threading.Thread(target=self._read, args=(generation, not_before))
        self.thread.start()

    def _read(self, generation, not_before):
        self.ids, self.read_at = generation.read(not_before), time.monotonic()

    def result(self):
        self.thread.join(30)
        return self.ids


def test_who_rests_is_not_woken_by_tokens_and_misses_none():
    generation, until = Generation("a", lambda: None), time.monotonic() + 0.5
    reader = Reader(generation, until)
    for id in range(100):
        generation.arrive(id)

    assert reader.result() == tuple(range(100))
    assert reader.read_at >= until


def test_who_rests_hears_of_the_end_at_once():
    generation, until = Generation("a", lambda: None), time.monotonic() + 600
    reader = Reader(generation, until)
    generation.arrive(1)
    generation.end(Ended("a", "cancelled"))

    assert reader.result() == (1,)
    assert (generation.read(until), generation.ended) == ((), Ended("a", "cancelled"))


def test_who_waits_for_the_first_token_gets_it_when_it_comes():
    generation = Generation("a", lambda: None)
    reader = Reader(generation, 0.0)
    generation.arrive(7)

    assert reader.result() == (7,)


@pytest.mark.parametrize(("thinking", "seconds"), [("hide", [0.1, 2.1, 4.1, 4.2, 4.3]), ("show", [0.1, 0.6, 2.2, 4.2, 4.3])])
def test_a_draft_with_nothing_new_to_show_is_sent_every_two_seconds_alone(thinking, seconds, monkeypatch):
    now, drafts = [0.0], []
    monkeypatch.setattr("workers.writer.time", SimpleNamespace(monotonic=lambda: now[0]))
    line = Line("hello", "1", "1", "Ann", 1.0)
    asked = Task("t1", talk(), 1, (line,), (), 0, Personas().get("default"), thinking, "en")
    sender = _Drafts(asked, lambda draft: drafts.append((now[0], draft)), lambda: 0.1)
    thought, answer = "", ""
    for now[0] in (0.1, 0.6, 0.65, 2.1, 2.2, 4.1, 4.2, 4.3, 4.4):
        thought += "hm " if now[0] in (0.6, 2.2) else ""
        answer += "yes " if now[0] in (4.2, 4.3) else ""
        sender.offer(SimpleNamespace(thinking=not answer, thought=thought, answer=answer))

    assert [at for at, _ in drafts] == seconds
    assert [draft.seq for _, draft in drafts] == list(range(1, len(drafts) + 1))
    assert drafts[-1][1].answer == "yes yes "


def test_what_came_before_the_engine_died_is_read_first():
    generation = Generation("a", lambda: None)
    generation.arrive(7)
    generation.die()

    assert generation.read() == (7,)
    with pytest.raises(EngineDied):
        generation.read()


@pytest.mark.parametrize("num_processes", [1, 4])
def test_with_many_replies_at_once_each_has_fewer_drafts(settings, num_processes):
    writer = Writer(None, lambda: BYTES, lambda: None, settings, num_processes)
    pauses = []
    for num in (4, 24, 256):
        writer._writing = [None] * (num // num_processes)
        pauses.append(writer._pause())

    assert pauses == [0.1, 0.1, 1.024]
