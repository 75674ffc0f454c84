"""The whole way of a message, as a person walks it: terminal, Redis, Celery worker, engine process and back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.i18n import say
from tests.programs import ROOT, Chat, processes_of, turns_of, until
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


def test_what_was_answered_in_the_very_moment_of_leaving_is_not_said_again_at_the_next_start(tmp_path):
    for number in range(4):
        with Chat(tmp_path) as chat:
            chat.say(f"hello {number}")
            assert chat.leave() == (0, [f"You said: hello {number}. I am listening."])


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


def test_a_chat_whose_replies_nobody_reads_any_more_ends_and_keeps_what_was_not_read(tmp_path):
    """As of `companion chat | head -1`."""
    command, log = [sys.executable, "-m", "bot", "chat"], tmp_path / "chat.err"
    with (
        log.open("w") as err,
        subprocess.Popen(
            command, env=at_home(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True, bufsize=1
        ) as chat,
    ):
        chat.stdin.write("one\n")
        assert chat.stdout.readline() == "You said: one. I am listening.\n"
        chat.stdout.close()
        chat.stdin.write("two\n")
        assert chat.wait(50) == 1

    assert "Traceback" not in log.read_text()
    assert processes_of(tmp_path) == []
    with Chat(tmp_path) as chat:
        assert chat.hear() == "You said: two. I am listening."


def test_signs_that_the_terminal_cannot_show_are_shown_as_question_marks_and_exported_whole(tmp_path):
    environment = {**at_home(tmp_path), "PYTHONIOENCODING": "ascii"}
    chat, export = (
        subprocess.run([sys.executable, "-m", "bot", command], env=environment, input=said, capture_output=True, timeout=50)
        for command, said in (("chat", b"caf\xe9\n/language\n"), ("export", b""))
    )

    first, *rest = chat.stdout.decode("ascii").splitlines()
    assert first == "You said: caf?. I am listening."
    assert rest[-1] == "/language zh ? ??"
    assert "caf\ufffd" in str(json.loads(export.stdout))


def test_a_pipe_is_read_as_the_terminal_writes(tmp_path):
    environment = {**at_home(tmp_path), "PYTHONIOENCODING": "gbk"}
    command = [sys.executable, "-m", "bot", "chat"]
    done = subprocess.run(command, env=environment, input="你好".encode("gbk"), capture_output=True, timeout=50)

    assert done.stdout.decode("gbk").startswith("你说")
    assert "你好" in done.stdout.decode("gbk")


def test_who_is_refused_once_and_then_in_silence_is_not_left_waiting_at_the_terminal(tmp_path):
    with Chat(tmp_path, access="invite", owners="console:nobody-here") as chat:
        for _ in range(3):
            chat.say("let me in")
        status, said = chat.leave()

    assert (status, said) == (0, [say("en", "denied-uninvited")])


def test_reset_forgets_and_retry_answers_the_last_line_again(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("secret")
        assert chat.ask("/retry") == "You said: secret. I am listening."
        assert chat.ask("/reset yes") == "Forgotten: one exchange. We start afresh."
        assert chat.ask("#history") == "Before this you said 0:"
        assert chat.ask("/retry") == "Before this you said 0:"


def test_answers_are_picked_taken_back_edited_exported_and_forgotten(tmp_path):
    with Chat(tmp_path) as chat:
        chat.ask("my cat is called Miso")
        wren = chat.ask("#persona")
        chat.ask("/persona tycho")
        until(lambda: not chat.lines.empty() and chat.hear())
        tycho = chat.ask("/retry")
        assert (wren[:8], tycho[:9]) == ("You are ", "You are T")

        assert chat.ask("/retry list") == "I gave 2 answers; the one with ✓ counts. To choose: /retry NUMBER"
        assert [chat.hear(), chat.hear()] == [f"1. {wren}", f"✓ 2. {tycho}"]
        assert chat.ask("/retry 1") == "Answer 1 of 2 counts now:"
        assert chat.hear() == wren

        assert chat.ask("/edit #history") == "Before this you said 1:"
        assert chat.hear() == "1. my cat is called Miso"
        assert chat.ask("/edit #history").startswith("I left it as it was")
        assert chat.ask("/retry 1") == "I have given one answer only. /retry gives another."
        assert chat.ask("/undo") == "Taken back, with my answer: “#history”"
        assert chat.ask("#history") == "Before this you said 1:"
        assert chat.hear() == "1. my cat is called Miso"

        assert chat.ask("/export").startswith("This is everything I keep about you, with 2 exchanges")
        files = [chat.hear().removeprefix("Saved as ").partition(". ")[0] for _ in range(2)]
        assert all("Miso" in Path(file).read_text() and Path(file).stat().st_mode & 0o077 == 0 for file in files)

        assert chat.ask("/forget").startswith("I would erase everything about you")
        assert chat.ask("/forget yes") == "Erased, with 2 exchanges. I know nothing about you any more."
        assert chat.ask("#history") == "Before this you said 0:"
        assert chat.leave() == (0, [])
    told = (tmp_path / "chat.err").read_text().count(say("en", "disclosure"))
    assert told == 2, "at the start, and somebody new has to be told again: beside the replies"


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
        assert chat.process.wait(60) == 0


def test_a_second_chat_on_the_same_data_says_that_one_is_open(tmp_path):
    with Chat(tmp_path) as first:
        first.ask("hello")
        with Chat(tmp_path) as second:
            assert second.process.wait(60) == 1
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


def at_home(data_dir):
    return {**os.environ, "COMPANION_ENGINE": "echo", "COMPANION_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
