"""What an owner changes while the service runs is so at the next message; what they break stays as it was, and is told."""

import os
import re

import pytest

from bot.i18n import say
from tests.programs import Chat, until

pytestmark = pytest.mark.skipif("not __import__('os').path.isdir('/proc/self')", reason="looks at processes in /proc")

PIP = 'title = "Pip"\ndescription = "{{char}} is a parrot."\ngreeting = "Squawk."\n'


def log_of(tmp_path):
    return (tmp_path / "chat.err").read_text()


def asked(chat, text, num_lines):
    chat.say(text)
    return [chat.hear() for _ in range(num_lines)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_persona_follows_its_file_and_a_broken_one_stays_and_is_told_once(tmp_path, language):
    folder = tmp_path / "personas"
    folder.mkdir()
    file = folder / "pip.toml"
    with Chat(tmp_path, persona_dir=folder, language=language) as chat:
        chat.ask("hello")
        file.write_text(PIP)
        asked(chat, "/persona pip", 2)
        assert chat.ask("#persona").startswith("You are Pip.")

        file.write_text(PIP.replace('"Pip"', '"Polly"'))
        until(lambda: chat.ask("#persona").startswith("You are Polly."))
        assert say(language, "persona-chosen", title="Polly") == asked(chat, "/persona pip", 2)[0]

        file.write_text("title = ")
        words = say(language, "alert-persona", problem="|").split("|")[0]
        until(lambda: words in log_of(tmp_path))
        assert str(file) in log_of(tmp_path)
        assert chat.ask("#persona").startswith("You are Polly.")
        assert asked(chat, "/persona pip", 2)[0] == say(language, "persona-chosen", title="Polly")
        file.write_text("title = ")  # written again, as wrong as before
        chat.ask("still here")
        os.utime(file)
        chat.ask("and here")
        status, rest = chat.leave()

    assert (status, rest) == (0, [])
    assert log_of(tmp_path).count(words) == 1


def test_limits_of_companion_toml_hold_at_once_and_the_rest_says_that_it_waits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Chat(tmp_path) as chat:
        assert chat.ask("hello") == "You said: hello. I am listening."
        (tmp_path / "companion.toml").write_text("line_bytes = 100\nslots = 3")
        until(lambda: "need a restart" in log_of(tmp_path) and "slots" in log_of(tmp_path))
        assert chat.ask("x" * 200) == say("en", "refused-long", bytes=200, limit=100)

        (tmp_path / "companion.toml").write_text("line_bytes = [")
        until(lambda: say("en", "alert-settings", problem="|").split("|")[0] in log_of(tmp_path))
        assert chat.ask("x" * 200) == say("en", "refused-long", bytes=200, limit=100)


def test_whoever_asks_is_told_and_answered(tmp_path):
    with Chat(tmp_path) as chat:
        assert chat.ask("are you human?") == say("en", "disclosure")
        assert re.match("You said: are you human", chat.hear())
        assert chat.ask("hello") == "You said: hello. I am listening."
        chat.leave()

    assert say("en", "disclosure") in log_of(tmp_path), "and at the start, beside the replies"


def test_a_conduct_file_that_is_broken_at_the_start_is_told_and_nothing_starts(tmp_path):
    (tmp_path / "own.toml").write_text("care = perhaps")
    with Chat(tmp_path, conduct_file=tmp_path / "own.toml") as chat:
        assert chat.process.wait(60) == 1
    assert "own.toml: cannot be read as TOML" in log_of(tmp_path)


def test_what_the_operator_switched_off_is_said_at_the_start(tmp_path):
    (tmp_path / "own.toml").write_text("care = false")
    with Chat(tmp_path, conduct_file=tmp_path / "own.toml") as chat:
        chat.ask("hello")
        chat.leave()
    assert "without-care" in log_of(tmp_path)
