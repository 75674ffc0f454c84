"""What servers send becomes thoughts and answers, whichever way each kind of server tells them."""

import pytest

from workers.engines.base import Ended, Sampling
from workers.engines.openai.tokenizer import ChatTokenizer
from workers.thinking import ThinkSplitter

ANSWER = "You said: hello. I am listening."
THOUGHT = "They wrote to me. I will answer kindly.\n"


@pytest.mark.parametrize("thought", ["reasoning_content", "reasoning", "tags", "opened"])
def test_the_thought_is_told_from_the_answer_whatever_the_server_calls_it(serve, start, thought):
    text, ended = start(serve(thought=thought)).ask("hello")

    before, _, rest = text.partition("<think>")
    assert (before, rest.replace("\n\n", "")) == ("", f"{THOUGHT}</think>{ANSWER}".replace("\n\n", ""))
    assert ended == Ended("a", "stop")


def test_a_model_without_thoughts_just_answers(serve, start):
    assert start(serve(thought="none")).ask("hello") == (ANSWER, Ended("a", "stop"))


def test_chinese_arrives_whole_though_tokens_cut_its_characters(serve, start):
    assert start(serve()).ask("你好")[0].endswith("你说:你好。我在听。")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_a_line_of_the_stream_ends_where_the_server_ends_it_and_not_at_a_line_in_the_text(mark, serve, start):
    """Text holds what some programs take for the end of a line, and most servers send it as it is."""
    text, ended = start(serve()).ask(f"one{mark}two", "ONE", "#history")

    assert ended == Ended("a", "stop")
    assert text.endswith(f"1. one{mark}two")


def test_the_server_gets_the_conversation_and_how_to_choose_and_nothing_else(serve, start):
    server = serve()
    start(server).ask("one", "ONE", "two", max_tokens=77, sampling=Sampling(0.0, 0.9, seed=5))

    assert server.last == {
        "model": "tiny",
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "ONE"},
            {"role": "user", "content": "two"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 77,
        "temperature": 0.0,
        "top_p": 0.9,
        "seed": 5,
    }


def test_what_only_some_servers_know_is_sent_only_when_asked_for(serve, start):
    server = serve()
    start(server).ask("one", sampling=Sampling(top_k=20))

    assert server.last["top_k"] == 20
    assert "seed" not in server.last


def test_the_tokens_are_those_that_the_server_counted(serve, start):
    _, ended = start(serve()).ask("hello #long 40")

    assert ended.usage[0] > 1000, "the fake adds a thousand, so that nobody can have guessed it"
    assert ended.usage[1] > 50


def test_a_server_that_does_not_count_is_not_asked_to_and_nothing_is_made_up(serve, start):
    server = serve(knows_usage=False)
    text, ended = start(server).ask("hello")

    assert text.endswith(ANSWER)
    assert ended.usage is None
    assert "stream_options" not in server.last


def test_a_reply_that_is_cut_by_its_length_says_so(serve, start):
    assert start(serve()).ask("#long 900", max_tokens=50)[1].reason == "length"


def test_a_reply_that_the_server_cuts_for_what_it_says_is_cut_and_not_whole(serve, start):
    driver = start(server := serve(thought="none"))
    server.fault("filter")

    assert driver.ask("hello") == ("It begins well. And then", Ended("a", "length"))


def test_prompt_and_reply_must_fit_into_the_context_that_the_server_tells(serve, start):
    server = serve(context=600)
    driver = start(server)

    assert driver.engine.limits.context == 600
    assert driver.ask("word " * 400, max_tokens=200)[1].reason == "refused"
    assert len(server.asked) == 1, "the probe alone"


def test_the_settings_context_counts_where_it_is_smaller(serve, start):
    driver = start(server := serve(context=16_384), context=1024)

    assert driver.engine.limits.context == 1024
    assert driver.ask("word " * 700, max_tokens=200)[1].detail == "prompt and reply are longer than the context"
    assert len(server.asked) == 1, "the probe alone"


def test_raw_prompts_let_a_thought_be_closed_and_the_answer_go_on(serve, start):
    """What `Reply` does when a thought has used up its tokens: the same prompt, the thought so far, and its end."""
    from workers.engines.base import Request
    from workers.prompt import close_thought_ids
    from workers.tokenizer import Message

    driver = start(server := serve(), api="completions")
    prompt = driver.tokenizer.render([Message("user", "hello #noclose")])
    driver.engine.submit(Request("a", prompt, 20))
    thought, ended = driver.rest()
    assert (thought[:10], ended.reason) == ("Thought 1.", "length")

    going_on = (*prompt, *driver.tokenizer.encode(thought), *close_thought_ids(driver.tokenizer, "en"))
    driver.engine.submit(Request("b", going_on, 100))
    assert driver.rest() == (ANSWER, Ended("b", "stop"))
    assert server.last["prompt"].startswith("<｜User｜>hello #noclose<｜Assistant｜><think>\nThought 1.")


def test_a_chat_server_cannot_be_made_to_go_on_and_is_not_asked_to(serve, start):
    driver = start(server := serve())
    prompt = ChatTokenizer().render([])
    from workers.engines.base import Request

    driver.engine.submit(Request("a", prompt, 20))
    driver.engine.submit(Request("b", (*prompt, *driver.tokenizer.encode("written")), 20))

    assert {id: end.reason for id, end in driver.ends(2).items()} == {"a": "refused", "b": "refused"}
    assert len(server.asked) == 1


def test_a_thought_that_ends_without_a_beginning_fails_once_and_is_known_from_then_on(serve, start):
    """The probe saw a reply without a thought; the model has some all the same."""
    server = serve(thought="none")
    driver = start(server)
    server.thought = "opened"

    assert driver.ask("hello #think 40")[1].reason == "error"
    assert driver.ask("hello")[0] == f"<think>{THOUGHT}</think>\n\n{ANSWER}"


def test_an_answer_that_names_the_end_of_a_thought_hides_no_later_answer(serve, start):
    """It looks like the end of a thought that nothing has begun; the next reply shows that there was none."""
    driver = start(server := serve(thought="none"))
    server.fault("mention")
    driver.ask("hello")
    driver.ask("hello")

    assert driver.ask("hello") == (ANSWER, Ended("a", "stop"))


def test_a_thought_that_a_server_was_seen_to_open_and_that_never_ends_changes_nothing(serve, start):
    driver = start(serve(thought="opened"))
    assert driver.ask("#eos-in-thought")[1].reason == "stop"

    assert driver.ask("hello")[0] == f"<think>{THOUGHT}</think>\n\n{ANSWER}"


def test_where_the_server_parts_thought_and_answer_a_tag_that_is_named_in_them_parts_nothing(serve, start):
    driver = start(server := serve())
    server.fault("name-tags")
    text, _ = driver.ask("hello")
    pieces = ThinkSplitter(inside=False).feed(text)

    assert [(piece.kind, piece.text.replace("\u2060", "")) for piece in pieces] == [
        ("thought", "What is </think>?"),
        ("answer", "It ends <think>."),
    ]


def test_a_hidden_thought_is_not_taken_for_one_that_hides_the_answers(serve, start):
    """Some servers keep thoughts for themselves: one that took all the tokens of the first try left no text at all."""
    server = serve(thought="none")
    server.fault("hidden-thought")

    assert start(server).ask("hello") == (ANSWER, Ended("a", "stop"))
