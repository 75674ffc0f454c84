"""A whole reply through the worker's writer and a real engine process: budgets, counting, and no thought for an answer."""

import time

import pytest

from bot.core.messages import Conversation, Line
from bot.core.personas import Personas
from bot.core.settings import load
from workers.engines.process import EngineProcess
from workers.heart import Watch
from workers.models import choose
from workers.tokenizer import load_tokenizer
from workers.writer import Task, Writer

ANSWER = "You said: hello. I am listening."


@pytest.fixture
def write(serve):
    engines = []

    def write(text, thinking="hide", serving=(), server=None, **given):
        server = server or serve(**dict(serving))
        settings = load(**{"openai_urls": server.url, "thought_tokens": 40, "answer_tokens": 60, **given})
        options = choose(settings)
        engines.append(engine := EngineProcess(options))
        limits = engine.wait_ready(120)
        tokenizer = load_tokenizer(options.engine, options.model, options.api)
        line = Line(text, "0", "0", "Ann", time.time())
        nobody = Conversation("shell", "local", "0", "0", "0")
        task = Task("t", nobody, 1, (line,), (), 0, Personas().get("default"), thinking, "en")
        _, reply = Writer(engine, lambda: tokenizer, lambda: limits, settings).write(task, Watch(30), lambda draft: None)
        return reply

    yield write
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("thought", ["reasoning_content", "tags", "opened", "none"])
def test_thought_and_answer_are_parted_and_counted_by_the_server(write, thought):
    reply = write("hello", serving={"thought": thought})

    assert reply.answer == ANSWER
    assert bool(reply.thought.strip()) == (thought != "none")
    assert (reply.end, reply.is_estimate) == ("whole", False)
    assert reply.num_prompt_tokens > 1000, "the fake's own count"


def test_a_chat_servers_thought_may_be_longer_than_its_budget_and_the_answer_still_comes(write):
    """Nobody can close it there: the budget only says how many tokens there are for both together."""
    server_reply = write("hello #think 30")

    assert server_reply.answer == ANSWER
    assert len(server_reply.thought) > 4 * 40


def test_the_server_is_asked_for_no_more_than_both_budgets(write, serve):
    server = serve()
    write("hello", server=server)

    assert server.last["max_tokens"] == 100


def test_a_thought_that_loops_is_ended_and_tried_once_more(write, serve):
    server = serve()
    reply = write("#loop", server=server, thought_tokens=1500)

    assert reply.answer == ""
    assert len(server.asked) == 1 + 2


def test_with_raw_prompts_a_thought_is_closed_at_its_budget(write):
    reply = write("hello #noclose", openai_api="completions")

    assert reply.answer == ANSWER
    assert "That is enough thinking. I will answer now." in reply.thought
    assert len(reply.thought) < 4 * 60


def test_with_raw_prompts_no_thought_can_be_had(write, serve):
    server = serve()
    reply = write("hello", thinking="off", server=server, openai_api="completions")

    assert (reply.thought, reply.answer) == ("", ANSWER)
    assert server.last["prompt"].endswith("<think>\n\n</think>\n\n")


def test_an_answer_that_is_cut_is_counted_by_estimate_and_said_to_be(write, capsys):
    reply = write("hello #long 400")

    assert (reply.end, reply.is_estimate) == ("cut", True)
    # The server is asked for both budgets together, and may have written all before the first look at it.
    assert 60 <= reply.num_tokens <= 100


def test_without_a_count_of_the_server_tokens_are_estimated_and_said_to_be(write):
    reply = write("hello", serving={"knows_usage": False})

    assert reply.is_estimate
    assert reply.num_tokens == pytest.approx(len(reply.thought + reply.answer) / 4, abs=6)
