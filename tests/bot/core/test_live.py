"""What is made from files is made anew when they change, and stays when they break."""

import os
import threading
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.core import live
from bot.core.errors import BadPersona, SettingsError, UnknownPersona
from bot.core.live import Live, current
from bot.core.personas import LivePersonas
from bot.core.reload import RELOADED, live_settings
from bot.core.settings import Settings, load

PIP = 'title = "Pip"\ndescription = "A parrot."\ngreeting = "Hi"\n'


@pytest.fixture(autouse=True)
def _always_look(monkeypatch):
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.0)


def number_in(file, problems=None):
    def make():
        try:
            return int(file.read_text())
        except ValueError:
            raise SettingsError(f"not a number: {file.read_text()}") from None

    return Live(make, [file], (problems if problems is not None else []).append)


def test_a_value_follows_its_file(tmp_path):
    file = tmp_path / "number"
    file.write_text("1")
    number = number_in(file)
    assert number.value == 1

    file.write_text("22")
    assert number.value == 22


def test_a_broken_file_leaves_the_last_good_value_and_each_problem_is_told_once(tmp_path):
    file, problems = tmp_path / "number", []
    file.write_text("1")
    number = number_in(file, problems)

    file.write_text("one")
    assert [number.value for _ in range(3)] == [1, 1, 1]
    file.write_text("three")
    assert number.value == 1
    assert problems == ["not a number: one", "not a number: three"]
    assert number.problem == "not a number: three"

    file.write_text("4")
    assert number.value == 4
    assert number.problem == ""


def test_a_cure_that_lies_elsewhere_is_found(tmp_path):
    file, is_well = tmp_path / "number", []
    file.write_text("1")

    def make():
        if len(file.read_text()) > 1 and not is_well:
            raise SettingsError
        return file.read_text()

    text = Live(make, [file])
    file.write_text("22")
    assert text.value == "1"
    is_well.append(True)
    assert text.value == "22"


def test_the_first_value_must_be_right(tmp_path):
    file = tmp_path / "number"
    file.write_text("none")
    with pytest.raises(SettingsError):
        number_in(file)


def test_files_are_looked_at_no_more_than_once_a_second(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_LOOK_SECONDS", 1.0)
    file = tmp_path / "number"
    file.write_text("1")
    number = number_in(file)
    looks = []
    monkeypatch.setattr(live, "stamp", lambda _: looks.append(1) or ())

    for _ in range(100):
        assert number.value == 1
    assert looks == []
    later = time.monotonic() + 5
    monkeypatch.setattr(live.time, "monotonic", lambda: later)
    for _ in range(100):
        assert number.value == 1
    assert looks == [1]


def test_a_file_that_changes_within_its_size_is_noticed(tmp_path):
    file = tmp_path / "number"
    file.write_text("1")
    number = number_in(file)
    os.utime(file, ns=(1, 1))
    assert number.value == 1
    file.write_text("2")
    assert number.value == 2


def test_threads_that_ask_at_once_get_good_values(tmp_path):
    file, seen = tmp_path / "number", set()
    file.write_text("1")
    number = number_in(file)

    def ask():
        for _ in range(300):
            seen.add(number.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for value in "abc2":
        file.write_text(value)
    for thread in threads:
        thread.join()
    assert seen <= {1, 2}
    assert number.value == 2


def test_a_fixed_value_is_given_as_it_is():
    assert current(3) == 3


def test_personas_follow_the_owners_folder(tmp_path):
    personas = LivePersonas(load(persona_dir=tmp_path))
    assert [one.name for one in personas.all()] == ["default", "tycho", "xiaoman"]

    (tmp_path / "pip.toml").write_text(PIP)
    assert personas.get("pip").title == "Pip"
    (tmp_path / "pip.toml").write_text(PIP.replace('"Pip"', '"Polly"'))
    assert personas.get("pip").title == "Polly"
    (tmp_path / "pip.toml").write_text("title = ")
    assert personas.get("pip").title == "Polly"
    assert "pip.toml" in personas.live.problem
    (tmp_path / "pip.toml").unlink()
    with pytest.raises(UnknownPersona):
        personas.get("pip")
    assert personas.chosen("pip", "default").name == "default"
    assert personas.live.problem == ""


def test_a_persona_made_a_moment_ago_is_known_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_LOOK_SECONDS", 3600)
    personas = LivePersonas(load(persona_dir=tmp_path))
    (tmp_path / "pip.toml").write_text(PIP)

    assert personas.get("pip").title == "Pip"


def test_a_persona_that_is_broken_at_the_start_is_an_error(tmp_path):
    (tmp_path / "pip.toml").write_text("title = ")
    with pytest.raises(BadPersona):
        LivePersonas(load(persona_dir=tmp_path))


def test_settings_that_may_change_do_and_others_wait_for_a_restart():
    settings = live_settings(load())
    Path("companion.toml").write_text('owners = ["telegram:1"]\nmessages_per_minute = 5\nslots = 3\nmemory_turns = 7')

    with capture_logs() as told:
        assert (settings.value.owners, settings.value.messages_per_minute) == (("telegram:1",), 5)
    assert (settings.value.slots, settings.value.memory_turns) == (32, 1000)
    assert [(entry["action"], entry["settings"]) for entry in told] == [("needs_restart", "memory_turns, slots")]
    Path("companion.toml").write_text('owners = ["telegram:2"]\nslots = 3\nmemory_turns = 7')
    with capture_logs() as told:
        assert settings.value.owners == ("telegram:2",)
    assert settings.value.messages_per_minute == 20, "what is taken out has its default again"
    assert told == [], "said once"


def test_a_setting_of_the_environment_stands_above_the_files(monkeypatch):
    monkeypatch.setenv("COMPANION_INBOX_LINES", "9")
    settings = live_settings(load())
    Path(".env").write_text("COMPANION_INBOX_LINES=4\nCOMPANION_LINE_BYTES=500\n")

    assert (settings.value.inbox_lines, settings.value.line_bytes) == (9, 500)


@pytest.mark.parametrize("text", ["slots = [", "inbox_lines = 0", "nonsense = 1", 'persona = "nobody"'])
def test_broken_settings_leave_the_last_good_ones(text):
    settings = live_settings(load())
    Path("companion.toml").write_text("inbox_lines = 40")  # of another length than what follows: clocks of files are coarse
    assert settings.value.inbox_lines == 40

    Path("companion.toml").write_text(text)
    assert settings.value.inbox_lines == 40
    assert settings.problem
    Path("companion.toml").unlink()
    assert settings.value.inbox_lines == 50
    assert settings.problem == ""


def test_every_setting_that_may_change_exists():
    assert Settings.model_fields.keys() >= RELOADED
