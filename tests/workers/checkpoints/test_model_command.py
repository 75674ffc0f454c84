"""`companion model …`: both processes, exit statuses, languages."""

import ast
import json
import re
import subprocess
import sys
from errno import EACCES
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.core.settings import load
from tests.fluent_files import messages, parts, values
from tests.workers.checkpoints.makers import make
from workers.cli import cli
from workers.models import choose
from workers.texts import LANGUAGES, advise, language, plain, say

LOCALES = Path(__file__).parents[3] / "workers" / "locales"
ROOT = Path(__file__).parents[3]


def run(*arguments, **environment):
    return CliRunner(env={"LANG": "C", "LC_ALL": None, "LC_MESSAGES": None, **environment}).invoke(cli, ["model", *arguments])


def entries(name):
    return messages(LOCALES, name)


def test_a_whole_model_is_status_0_and_a_damaged_one_1(tmp_path):
    make(tmp_path)
    assert run("check", str(tmp_path)).exit_code == 0
    (tmp_path / "config.json").unlink()
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert f"FAIL config.json: missing → companion model pull NAME --to {tmp_path}" in result.output


def test_the_home_of_somebody_who_is_not_there_holds_no_model():
    place = "~nobody-of-that-name/model"  # with a slash missing behind the first letter, mostly
    checked, explained = run("check", place), run("explain", place)

    assert (checked.exit_code, explained.exit_code) == (1, 1)
    assert f"there is no {place}" in checked.output
    assert explained.output.startswith(place)
    assert choose(load(model=place)).model == place


def test_json_is_for_programs(tmp_path):
    make(tmp_path)
    (tmp_path / "tokenizer.json").write_text("<html>")
    found = json.loads(run("check", "--json", str(tmp_path)).output)
    assert found["ok"] is False
    [wrong] = [entry for entry in found["findings"] if entry["level"] == "error"]
    assert (wrong["file"], wrong["what"]) == ("tokenizer.json", "web-page")
    assert wrong["fix"]


def test_it_speaks_chinese_where_the_setting_or_the_terminal_does(tmp_path):
    assert "没有" in run("check", str(tmp_path / "x"), LANG="zh_CN.UTF-8").output
    assert "没有" in run("check", str(tmp_path / "x"), COMPANION_LANGUAGE="zh").output
    assert "there is no" in run("check", str(tmp_path / "x"), LANG="zh_CN.UTF-8", COMPANION_LANGUAGE="en").output


@pytest.mark.parametrize(
    ("wish", "found"), [("zh_CN.UTF-8", "zh"), ("zh", "zh"), ("C.UTF-8", "en"), ("de_DE", "en"), ("", "en")]
)
def test_the_language_of_a_terminal_is_the_first_part_of_its_locale(wish, found):
    assert language({"LANG": wish}) == found


def test_the_companion_command_hands_over_and_gives_the_status_back(tmp_path):
    command = [sys.executable, "-m", "bot", "model"]
    for arguments, status, words in (
        (["check", "--json", str(tmp_path / "nowhere")], 1, '"no-path"'),
        (["explain", "r1-zero"], 0, "671B"),
    ):
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment, check=False)
        assert (done.returncode, words in done.stdout) == (status, True), done.stderr


def test_a_terminal_of_another_encoding_gets_question_marks_and_not_an_error(tmp_path):
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "COMPANION_LANGUAGE": "zh"}
    command = [sys.executable, "-m", "workers", "model", "check", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_both_languages_have_the_same_texts_with_the_same_values_and_fixes():
    english, chinese = entries("en"), entries("zh")
    assert list(english) == list(chinese)
    for key in english:
        assert values(english[key]).names == values(chinese[key]).names, key
        assert parts(english[key]).keys() == parts(chinese[key]).keys(), key


def code():
    return "".join(file.read_text("utf-8") for file in (ROOT / "workers").rglob("*.py"))


def strings_given_to(*names):
    """Every string in the arguments of a call of `names`, also one of several and parts of a formatted one."""
    for file in (ROOT / "workers").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).removeprefix("self.") in names:
                parts = [part for argument in call.args for part in ast.walk(argument)]
                yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_every_text_that_the_code_names_exists_and_none_is_left_over():
    kinds = {f"explain-{kind}" for kind in ("distill", "original", "base", "other")}
    named = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', code())) | kinds
    assert {key for key in entries("en") if not key.startswith("help")} <= named
    used = strings_given_to("say", "advise", "_check", "errors_for_people", "told", "Defect", "NotCovered")
    assert {key for key in used if re.fullmatch(r"[a-z]+(-[a-z]+)+", key)} <= set(entries("en"))


def test_no_error_of_a_start_and_no_check_of_the_doctor_is_in_one_language_alone():
    given = strings_given_to("EngineLoadFailed", "EngineNotReady", "BadTokenizer", "NotCovered", "Check", "_check", "_restart")
    assert [text for text in given if re.search(r"[A-Za-z]+ +[A-Za-z]+", text)] == []


def test_words_are_cut_and_made_harmless():
    assert plain("a\x1b[31mb\n") == "a?[31mb?"
    assert len(plain("x" * 1000)) == 300


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_text_without_a_fix_advises_nothing(name):
    assert advise(name, "whole", count=1, size="1 B") == ""
    assert "1 B" in say(name, "whole", count=1, size="1 B")


@pytest.mark.parametrize("command", [["model", "check"], ["model", "explain"], ["doctor"]])
def test_a_folder_that_nobody_may_look_into_is_told_in_words(command, tmp_path, monkeypatch):
    """As of another user's home, where a service runs as a user of its own."""
    hidden, stat = tmp_path / "home" / "model", Path.stat

    def guarded(path, **options):
        if hidden == path or hidden in path.parents:
            raise PermissionError(EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", guarded)
    arguments = command if command == ["doctor"] else [*command, str(hidden)]
    result = CliRunner(env={"COMPANION_MODEL": str(hidden), "COMPANION_LANGUAGE": "en"}).invoke(cli, arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert "it cannot be read: Permission denied → check the rights" in result.output
