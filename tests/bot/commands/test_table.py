"""The table of commands: what there is, who sees it, how a command is written; and /help, which shows it."""

import re

import pytest

from bot.commands import TABLE, for_platform, menu, parse
from bot.core.messages import Conversation
from bot.i18n import languages, say
from tests.sayings import incoming

LANGUAGES = ["en", "zh"]
PROMISED = {
    *("start", "help", "new", "reset", "persona", "think", "memory", "stop", "retry", "undo"),
    *("language", "privacy", "export", "forget", "stats", "about"),
}


def test_the_table_has_the_commands_that_were_promised_each_once():
    names = [name for command in TABLE for name in (command.name, *command.aliases)]

    assert set(names) >= PROMISED
    assert len(set(names)) == len(names)


def test_what_is_of_the_terminal_is_nowhere_else():
    here, there = ({command.name for command in for_platform(platform)} for platform in ("console", "telegram"))

    assert here - there == {"edit", "quit"}
    assert there <= here


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_lists_every_command_of_the_platform_with_its_argument(tell, language):
    listed = for_platform("telegram")

    assert tell("/help", language).text.splitlines() == [
        say(language, "help"),
        *(
            say(language, "help-line", name=f"/{command.name} {command.argument}".rstrip(), what=what)
            for command, (_, what) in zip(listed, menu("telegram", language), strict=True)
        ),
    ]


def test_what_admins_may_do_is_shown_to_admins_alone(tell, make_front):
    for_admins = {f"/{command.name}" for command in TABLE if command.role == "admin"}
    shown = {line.split()[0] for line in tell("/help").text.splitlines()}
    shown_to_admin = {line.split()[0] for line in tell("/help", front=make_front(admins="telegram:1001")).text.splitlines()}

    assert shown & for_admins == set()
    assert shown_to_admin - shown == for_admins


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("is_admin", [True, False])
@pytest.mark.parametrize("platform", ["telegram", "discord", "console"])
def test_a_menu_fits_what_platforms_take(platform, language, is_admin):
    rows = menu(platform, language, is_admin)

    assert all(re.fullmatch(r"[a-z]{1,32}", name) for name, _ in rows)
    assert all(1 <= len(what) <= 100 and "\n" not in what for _, what in rows)
    assert len(rows) <= 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_command_points_to_help(tell, language):
    assert tell("/dance", language).text == say(language, "unknown-command", name="/dance")
    assert tell("/quit", language).text == say(language, "unknown-command", name="/quit"), "there is no leaving Telegram"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["/quit", "/exit"])
def test_quit_leaves_the_terminal(tell, language, name):
    answer = tell(name, language, Conversation("console", "local", "ann", "0", "ann"))

    assert (answer.text, answer.leaves, answer.wakes) == (say(language, "console-bye"), True, False)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/help", "help", ""),
        ("  /HELP  ", "help", ""),
        ("/help@companion_bot", "help", ""),
        ("/persona  Tycho ", "persona", "Tycho"),
        ("/think\nshow", "think", "show"),
    ],
)
def test_a_command_is_understood_however_it_is_written(text, name, argument):
    ask = parse(incoming(text), "en")

    assert (ask.name, ask.argument) == (name, argument)


@pytest.mark.parametrize(
    "text", ["/path/like text", "/", "/ help", "//help", "hello /help", "/1", "/usr/bin", "", "/a-b", "/…"]
)
def test_anything_else_is_talk(text):
    assert parse(incoming(text), "en") is None


def test_a_message_that_was_edited_into_a_command_is_none():
    assert parse(incoming("/forget yes", kind="edit"), "en") is None
