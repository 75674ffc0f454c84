"""A worker whose engine ends thoughts by itself and reads ahead: the paged engine with the model in the box."""

import time

import pytest
from prometheus_client import generate_latest

from bot.core.messages import Line, Turn
from bot.core.metrics import REGISTRY
from bot.core.personas import Personas
from bot.core.settings import load
from tests.sayings import talk
from workers.engines.base import EngineOptions, Request
from workers.engines.process import EngineProcess
from workers.heart import Watch
from workers.models import BUNDLED
from workers.reply import Budget
from workers.tokenizer import load_tokenizer
from workers.writer import Task, Writer


class Counting:
    """The engine, and what was asked of it."""

    def __init__(self, process):
        self.process, self.asked, self.forgotten, self.heard = process, [], [], []

    def generate(self, request, timeout=30.0):
        self.asked.append(request)
        self.heard.append("generate")
        return self.process.generate(request, timeout)

    def forget(self, conversation):
        self.forgotten.append(conversation)
        self.heard.append("forget")
        self.process.forget(conversation)


@pytest.fixture(scope="module")
def process():
    with EngineProcess(EngineOptions("paged", str(BUNDLED), device="cpu")) as process:
        process.wait_ready(120)
        yield process


@pytest.fixture
def engine(process):
    return Counting(process)


@pytest.fixture
def writer(engine, process, tmp_path):
    tokenizer = load_tokenizer("paged", str(BUNDLED))
    limits = process.wait_ready(1)
    return Writer(engine, lambda: tokenizer, lambda: limits, load(data_dir=tmp_path, answer_tokens=24))


def task(text, turns=(), thinking="show"):
    line = Line(text, "1", "1", "Ann", time.time())
    return Task("t1", talk(), 1, (line,), turns, 0, Personas().get("default"), thinking, "en")


def turn(text, reply):
    return Turn("t0", (Line(text, "1", "1", "Ann", time.time()),), reply, time.time(), "default", "", 0, 0, 0, 0, ())


def test_a_long_thought_is_closed_within_one_request_and_the_answer_follows(writer, engine, monkeypatch):
    # The model in the box thinks of few words.
    monkeypatch.setattr(writer, "_budget", lambda: Budget(3, 24))
    texts = [f"Tell me of {what} and think it over with care, step by step." for what in ("rain", "bread", "the sea")]
    replies = [writer.write(task(text), Watch(60), lambda draft: None)[1] for text in texts]

    assert all(reply.thought.strip().endswith("That is enough thinking. I will answer now.") for reply in replies)
    assert all(reply.answer and reply.num_tokens <= 3 + len(engine.asked[0].thought.closing) + 24 for reply in replies)
    assert len(engine.asked) == 3


def test_a_second_thought_cannot_begin(writer, engine):
    writer.write(task("hello", thinking="off"), Watch(60), lambda draft: None)

    assert engine.asked[0].thought is None
    assert engine.asked[0].banned_ids == {load_tokenizer("paged", str(BUNDLED)).think_start}


def fresh_stats(process):
    """The engine's numbers, from a heartbeat that began after now."""
    for _ in range(2):
        last = process._measures._last
        while process._measures._last is last:
            time.sleep(0.01)
    return process._measures._last


def test_what_was_said_is_read_ahead_so_that_a_returning_person_pays_for_the_new_message_alone(writer, engine):
    begun = task("My dog is called Rex.")
    said = turn("My dog is called Rex.", "Rex is a fine name for a dog. " * 8)
    writer.write(begun, Watch(60), lambda draft: None)
    writer.read_ahead(begun, said)
    ahead = engine.asked[-1]
    until_read(engine.process, ahead.prompt)  # once more, to know that it is done
    prompt = writer._plan(task("What is my dog called?", (said,)))[0].prompt
    before = fresh_stats(engine.process)
    writer.write(task("What is my dog called?", (said,)), Watch(60), lambda draft: None)
    after = fresh_stats(engine.process)

    assert ahead.max_tokens == 0
    assert prompt[: len(ahead.prompt)] == ahead.prompt
    assert len(prompt) - len(ahead.prompt) < 25
    # All but the block in which the new message begins.
    assert after.cached_tokens - before.cached_tokens >= len(ahead.prompt) - 32
    assert (after.running, after.waiting, after.blocks_used) == (0, 0, 0)


def test_while_many_replies_are_made_there_will_be_no_idle_moment_and_nothing_is_read_ahead(writer, engine):
    writer._writing = [None] * 16
    writer.read_ahead(task("My dog is called Rex."), turn("My dog is called Rex.", "Rex is a fine name for a dog. " * 8))

    assert engine.asked == []


def test_in_a_talk_each_prompt_begins_with_the_very_ids_that_were_read_ahead(writer, engine):
    """Through the worker's own way: what the model wrote is read as the template has it, and no prompt needs it again."""
    turns, ahead, texts = (), (), ("My dog is called Rex.", "He is three years old.", "What do dogs like?")
    for text in texts:
        before, asked = fresh_stats(engine.process), len(engine.asked)
        begun = task(text, turns)
        _, reply = writer.write(begun, Watch(60), lambda draft: None)
        after = fresh_stats(engine.process)
        prompt = engine.asked[asked].prompt
        assert prompt[: len(ahead)] == ahead
        # All but the block in which the new message begins.
        assert after.cached_tokens - before.cached_tokens >= len(ahead) - 32
        said = turn(text, reply.answer)
        turns = (*turns, said)
        writer.read_ahead(begun, said)
        ahead = engine.asked[-1].prompt
        assert len(ahead) > len(prompt)
        until_read(engine.process, ahead)


def until_read(process, prompt):
    for _ in process.generate(Request("again", prompt, 0, conversation=str(talk())), 30.0):
        pass


def test_what_is_forgotten_is_read_anew_as_nothing_of_it_is_in_the_engine_either(writer, engine):
    asked = task("My secret is a colour, which is blue, and a number, and that is nine. " * 4)
    known = []
    for forgotten in ("somebody else", str(talk()), None):
        prompt = writer.write(asked, Watch(60), lambda draft: None)[0].ids
        writer.forget(forgotten)
        before = fresh_stats(engine.process).cached_tokens
        until_read(engine.process, prompt)
        known.append(fresh_stats(engine.process).cached_tokens - before)

    # All but the block in which it ends.
    assert len(prompt) - 33 <= known[0] < len(prompt)
    assert known[1] < len(prompt) - 64, "at most who the companion is"
    assert known[2] == 0


def test_what_waits_to_be_read_ahead_is_given_up_where_it_may_have_been_erased(writer, engine):
    """As nothing was heard for a while, nobody knows whose words they were."""
    begun = task("My dog is called Rex.")
    writer.write(begun, Watch(60), lambda draft: None)
    with engine.process.generate(Request("somebody else", (1, 2, 3), 500)) as busy:
        next(iter(busy))
        writer.read_ahead(begun, turn("My dog is called Rex.", "Rex is a fine name for a dog. " * 8))
        writer.forget(None)
    before = fresh_stats(engine.process).cached_tokens
    until_read(engine.process, engine.asked[-1].prompt)

    assert fresh_stats(engine.process).cached_tokens == before


def test_what_has_only_changed_is_no_reason_to_read_all_of_it_again(writer, engine):
    writer.write(task("hello"), Watch(60), lambda draft: None)
    writer.forget(str(talk()), False)

    assert engine.forgotten == []
    assert writer._histories.find(str(talk())) is None


def test_what_was_erased_while_a_reply_was_made_is_not_read_ahead_nor_kept(writer, engine):
    begun = task("My dog is called Rex.")
    watch = Watch(60)
    watch.interrupt("lost")
    writer.write(begun, watch, lambda draft: None)
    writer.read_ahead(begun, turn("My dog is called Rex.", "Rex is a fine name for a dog. " * 8))

    assert len(engine.asked) == 1
    assert engine.forgotten == [str(talk())]


@pytest.mark.parametrize("step", ["looked up", "tokenised", "asked for"])
def test_what_is_erased_while_it_is_about_to_be_read_ahead_is_erased_behind_that(writer, engine, step, monkeypatch):
    begun = task("My dog is called Rex.")
    writer.write(begun, Watch(60), lambda draft: None)
    place, name = {"looked up": (writer, "_limits"), "tokenised": (writer, "_prompt"), "asked for": (engine, "generate")}[step]
    do = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *given, **named: writer.forget(str(talk())) or do(*given, **named))
    writer.read_ahead(begun, turn("My dog is called Rex.", "Rex is a fine name for a dog. " * 8))

    assert engine.heard[-1] == "forget"


def test_what_was_forgotten_is_not_known_to_the_writer_any_more(writer):
    writer.write(task("My secret is blue."), Watch(60), lambda draft: None)
    before = writer._histories.of(str(talk()))
    writer.forget(str(talk()))

    assert writer._histories.of(str(talk())) is not before


def shown():
    lines = generate_latest(REGISTRY).decode().splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if line.startswith("companion_engine_"))}


def test_the_numbers_of_the_engine_are_shown(writer, engine):
    before, stats = shown(), fresh_stats(engine.process)
    writer.write(task("hello"), Watch(60), lambda draft: None)
    now, after = fresh_stats(engine.process), shown()

    assert after['companion_engine_blocks{state="free"}'] == now.blocks
    assert after["companion_engine_steps_total"] - before["companion_engine_steps_total"] >= now.steps - stats.steps > 0
    assert after["companion_engine_step_seconds_total"] > before["companion_engine_step_seconds_total"]
