"""The command itself, as a person types it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import bot

HERE = Path(bot.__file__).parents[1]
COMMANDS = ["admin", "bot", "chat", "doctor", "export", "forget", "persona", "say", "up", "worker"]


def companion(*arguments, **environment):
    given = {**os.environ, "PYTHONPATH": str(HERE), "COMPANION_DATA_DIR": str(Path.cwd() / "data"), **environment}
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=50, check=False, stdin=subprocess.DEVNULL)


def test_help_shows_the_whole_command():
    result = companion("--help")

    listed = [line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert [name for name in listed if name in COMMANDS] == COMMANDS
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", [*COMMANDS, "admin dead", "admin persona", "persona show"])
def test_every_command_explains_itself(command):
    from click.testing import CliRunner

    from bot.cli import cli

    result = CliRunner().invoke(cli, [*command.split(), "--help"])

    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_an_error_is_one_line_on_stderr_and_exit_status_1():
    result = companion("persona", "show", "nobody")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "There is no persona 'nobody'. There are: default, tycho, xiaoman.\n"


def test_a_wrong_setting_stops_every_command_that_reads_settings():
    result = companion("export", COMPANION_SLOT="3")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "COMPANION_SLOT is not a setting; did you mean COMPANION_SLOTS?\n"


def test_what_the_terminal_cannot_show_ends_no_command():
    result = companion("persona", "list", PYTHONIOENCODING="latin-1")

    assert (result.returncode, result.stderr) == (0, "")
    assert "xiaoman      ?? (zh)" in result.stdout


def test_a_redis_that_cannot_be_reached_is_told_in_words_without_the_password():
    result = companion("export", COMPANION_REDIS_URL="redis://:hunter2@127.0.0.1:1/0")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Could not reach Redis. Is it running?")
    assert "hunter2" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_memory_key_is_told_in_words(tmp_path):
    from bot.embedded import EmbeddedRedis

    keys = ["YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=", "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="]
    with EmbeddedRedis(tmp_path / "data") as server:
        results = [companion("export", COMPANION_MEMORY_KEY=key, COMPANION_REDIS_URL=server.url) for key in keys]

    assert [result.returncode for result in results] == [0, 1]
    assert results[1].stderr.startswith("The memory key does not open what is stored.")


def test_a_file_that_cannot_be_opened_is_told_in_one_line():
    """As after a first start with sudo, when it belongs to root."""
    key = Path.cwd() / "data" / "memory.key"
    key.mkdir(parents=True)
    result = companion("admin", "stats")

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"{key} cannot be used: Is a directory\n")


def test_an_adapter_that_does_not_exist_is_told_with_those_that_do(tmp_path):
    result = companion("bot", "pigeon")

    assert (result.returncode, result.stdout) == (1, "")
    assert "pigeon" in result.stderr
    assert "console" in result.stderr


def test_the_link_into_a_server_asks_for_what_the_bot_needs_and_holds_no_secret():
    from tests.fakes.discord import ATTACH, BOT_ID, EMBED, HISTORY, SEND, SEND_IN_THREADS, THREADS, TOKEN, VIEW

    result = companion("discord", "invite", COMPANION_DISCORD_TOKEN=TOKEN)

    asked = parse_qs(urlsplit(result.stdout.strip()).query)
    assert result.stdout.startswith("https://discord.com/oauth2/authorize?")
    assert asked["client_id"] == [str(BOT_ID)]
    assert asked["scope"] == ["bot applications.commands"]
    assert int(asked["permissions"][0]) == VIEW | SEND | SEND_IN_THREADS | THREADS | HISTORY | EMBED | ATTACH
    assert TOKEN.partition(".")[2] not in result.stdout


def test_without_a_token_the_link_says_where_to_get_one():
    result = companion("discord", "invite", COMPANION_DISCORD_TOKEN="")

    assert result.returncode == 1
    assert "COMPANION_DISCORD_TOKEN" in result.stderr


def test_importing_the_command_brings_in_nothing_heavy():
    code = "import sys, bot.cli; print({'torch', 'transformers', 'workers', 'celery', 'redis'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True)

    assert result.stdout == "set()\n"
