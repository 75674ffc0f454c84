"""`companion say`: one prompt, no queue, no memory, no Redis."""

import os
import subprocess
import sys

from tests.programs import ROOT


def say(*arguments, **settings):
    environment = (
        os.environ | {"PYTHONPATH": str(ROOT)} | {f"COMPANION_{key.upper()}": value for key, value in settings.items()}
    )
    command = [sys.executable, "-m", "bot", "say", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_answer_stands_alone_on_stdout():
    said = say("hello", engine="echo")

    assert (said.returncode, said.stdout) == (0, "You said: hello. I am listening.\n")


def test_a_persona_can_be_named_and_a_prompt_may_look_like_an_option():
    assert say("--persona", "tycho", "#persona", engine="echo").stdout.startswith("You are Tycho.")
    assert say("--", "--help me", engine="echo").stdout == "You said: --help me. I am listening.\n"


def test_an_unknown_persona_is_answered_with_those_there_are():
    said = say("hello", "--persona", "nobody", engine="echo")

    assert said.returncode == 1
    assert "There are: default, tycho, xiaoman." in said.stderr


def test_no_answer_is_an_error():
    said = say("hello #empty", engine="echo")

    assert said.returncode == 1
    assert "no answer" in said.stderr


def test_an_answer_that_is_cut_says_so_beside_it_in_the_language_of_the_terminal():
    for language, told in (("en", "the answer was cut"), ("zh", "回答在这里截断了")):
        said = say("#long 100", engine="echo", answer_tokens="100", language=language)

        assert said.returncode == 0
        assert said.stdout.startswith("word1 word2")
        assert told not in said.stdout
        assert told in said.stderr
