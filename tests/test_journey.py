"""The whole way of a message, as a person walks it: terminal, Redis, Celery worker, engine process and back."""

import pytest

from tests.programs import Chat, processes_of, turns_of, until
from tests.tiny_models import make_tiny_model

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")


def test_a_person_talks_is_remembered_and_leaves_nothing_running(tmp_path):
    with Chat(tmp_path) as chat:
        assert chat.ask("hello") == "You said: hello. I am listening."
        assert chat.ask("#history") == "Before this you said 1:"
        assert chat.hear() == "1. hello"
        assert chat.leave() == (0, [])

    assert processes_of(tmp_path) == []
    assert [turn.said for turn in turns_of(tmp_path)] == ["hello", "#history"]


def test_after_a_restart_of_everything_the_companion_still_remembers(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("my cat is called Miso")
        chat.leave()

    with Chat(tmp_path) as chat:
        chat.say("#history")
        assert [chat.hear(), chat.hear()] == ["Before this you said 1:", "1. my cat is called Miso"]


def test_piped_lines_are_answered_one_by_one_with_replies_alone_on_stdout(tmp_path):
    with Chat(tmp_path) as chat:
        for line in ("one", "two", "", "/think off", "three"):
            chat.say(line)
        status, said = chat.leave()

    assert status == 0
    assert said == [
        "You said: one. I am listening.",
        "You said: two. I am listening.",
        "I answer at once, without thinking first.",
        "You said: three. I am listening.",
    ]
    assert "thought" not in " ".join(said)


def test_reset_forgets_and_retry_answers_the_last_line_again(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("secret")
        assert chat.ask("/retry") == "You said: secret. I am listening."
        assert chat.ask("/reset") == "Forgotten: one exchange. We start afresh."
        assert chat.ask("#history") == "Before this you said 0:"
        assert chat.ask("/retry") == "Before this you said 0:"


def test_a_persona_is_chosen_and_speaks(tmp_path):
    with Chat(tmp_path) as chat:
        assert chat.ask("/persona tycho") == "You are now talking with Tycho."
        until(lambda: not chat.lines.empty() and chat.hear())
        assert chat.ask("#persona").startswith("You are Tycho.")
        chat.ask("/persona nobody")
        assert chat.ask("#persona").startswith("You are Tycho.")


@pytest.mark.parametrize("word", ["/quit", "quit"])
def test_a_word_leaves(tmp_path, word):
    with Chat(tmp_path) as chat:
        assert chat.ask(word) == "Bye."
        assert chat.process.wait(20) == 0


def test_a_second_chat_on_the_same_data_says_that_one_is_open(tmp_path):
    with Chat(tmp_path) as first:
        first.ask("hello")
        with Chat(tmp_path) as second:
            assert second.process.wait(30) == 1
        assert first.ask("still here") == "You said: still here. I am listening."
    assert "Another `companion chat` is open" in (tmp_path / "chat.err").read_text()


def test_a_real_model_answers_through_the_whole_way_and_is_remembered(tmp_path):
    """Random weights say nothing sensible, but all that carries them is real: thought budget, forced close, memory."""
    model = make_tiny_model(tmp_path / "model", max_position_embeddings=8192)
    settings = {"engine": "transformers", "model": model, "device": "cpu", "thought_tokens": 24, "answer_tokens": 24}
    (tmp_path / "data").mkdir()
    with Chat(tmp_path / "data", **settings) as chat:
        chat.ask("hello")
        chat.kill()

    with Chat(tmp_path / "data", **settings) as chat:
        chat.ask("again")
        chat.leave()

    first, second = turns_of(tmp_path / "data")
    assert (first.said, second.said) == ("hello", "again")
    assert first.reply
    assert second.num_prompt_tokens > first.num_prompt_tokens
