"""Commands that explain themselves in the language of whoever types, in their help and in what click says; and who that is."""

from __future__ import annotations

import getpass
import gettext
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from bot.core.texts import Texts, language

_CLICK = Path(__file__).parents[1] / "locales" / "click"
"""In gettext's form, the one that click asks for: `make texts` makes each `click.mo` from the `click.po` beside it."""


class Shell(click.Group):
    """The root of a tree of commands.

    A command's help is the text `help-` and its path, such as `help-admin-reset`: the text itself is the line in a list,
    `.more` is what follows on a page of its own, and for each option there is a part of the option's name.
    """

    def __init__(self, *arguments: Any, texts: Texts, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._texts = texts

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        spoken = language()
        os.environ["LANGUAGE"] = spoken
        gettext.bindtextdomain("click", str(_CLICK))
        gettext.textdomain("click")
        _explain(self, self._texts, spoken, "help")
        return super().make_context(*arguments, **extra)


def print_anything() -> None:
    """What somebody wrote, and names in files, hold what the terminal may not know: a question mark stands for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def user_here() -> str:
    """Whoever types; by number where the system has no name for them, as in a container that runs as any user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _explain(command: click.Command, texts: Texts, language: str, key: str) -> None:
    """Give a command, its options and all commands below it the words of their help."""
    first, more = texts.say(language, key), texts.part(language, key, "more")
    command.short_help, command.help = first, f"{first}\n\n\b\n{more}" if more else first
    for option in command.params:
        if isinstance(option, click.Option):
            option.help = texts.part(language, key, str(option.name))
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        _explain(below, texts, language, f"{key}-{name}")
