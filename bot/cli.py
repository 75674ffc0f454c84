"""The `companion` command. Arguments in, calls out; everything heavy is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

import click

from bot.admin import admin, export, forget
from bot.core.errors import CompanionError
from bot.core.shell import Shell, print_anything
from bot.core.texts import SHELL, tell


@click.group(cls=Shell, texts=SHELL, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="companion", message="%(prog)s %(version)s")
def cli() -> None:
    """What its help says stands in `locales/shell`, as that of all commands does."""


@cli.command()
def up() -> None:
    from bot.process import end_by_signal
    from bot.run import ready_settings
    from bot.up import everything, to_stderr

    end_by_signal()
    with everything(ready_settings(), to_stderr, adapters=True) as running:
        running.watch()


@cli.command()
def chat() -> None:
    from bot.adapters import find
    from bot.core import metrics
    from bot.process import end_by_signal, run_beside
    from bot.run import ready_settings
    from bot.up import everything, to_stderr

    end_by_signal()
    with everything(ready_settings(), to_stderr, adapters=False) as running:
        metrics.serve(running.front.settings, "console")
        run_beside(running.look_after, find("console"), running.front)


@cli.command()
@click.argument("name")
@click.option("--with-parent", is_flag=True)
def bot(name: str, with_parent: bool) -> None:
    from bot.adapters import find
    from bot.core import metrics
    from bot.process import end_by_signal, end_with_stdin, run_adapter
    from bot.run import open_front, open_redis, ready_settings

    adapter = find(name)
    end_by_signal()
    if with_parent:
        end_with_stdin()
    settings = ready_settings()
    with open_redis(settings) as url, open_front(settings, url) as front:
        metrics.serve(settings, name)
        run_adapter(adapter, front)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: tuple[str, ...]) -> None:
    from bot.process import end_by_signal, run_worker
    from bot.run import open_redis, ready_settings

    end_by_signal()
    with open_redis(ready_settings()) as url:
        sys.exit(run_worker(arguments, url))


@cli.command()
@click.argument("text")
@click.option("--persona")
def say(text: str, persona: str | None) -> None:
    _workers("say", *(["--persona", persona] if persona else []), "--", text)


@cli.group()
def model() -> None:
    """All of it is the worker's half of the program."""


@model.command("pull")
@click.argument("name")
@click.option("--mirror", metavar="URL")
@click.option("--revision")
@click.option("--to", metavar="FOLDER")
def model_pull(name: str, **options: str | None) -> None:
    import os

    given = [f"--{option}={value}" for option, value in options.items() if value]
    # In this process's place, so that Ctrl-C and the exit status are the download's own.
    os.execv(sys.executable, [sys.executable, "-m", "workers", "model", "pull", *given, "--", name])  # noqa: S606


@model.command("check")
@click.argument("path")
@click.option("--deep", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def model_check(path: str, deep: bool, as_json: bool) -> None:
    options = [*(["--deep"] if deep else []), *(["--json"] if as_json else [])]
    _workers("model", "check", *options, "--", path)


@model.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def model_explain(name: str, as_json: bool) -> None:
    _workers("model", "explain", *(["--json"] if as_json else []), "--", name)


@cli.group()
def persona() -> None:
    """Who the companion can be."""


@persona.command("list")
def persona_list() -> None:
    from bot.core.personas import Personas
    from bot.run import ready_settings

    for one in Personas.of(ready_settings()).all():
        click.echo(f"{one.name:12} {one.title} ({one.language}): {one.about()}")


@persona.command("show")
@click.argument("name")
def persona_show(name: str) -> None:
    from bot.core.personas import Personas
    from bot.run import ready_settings

    one = Personas.of(ready_settings()).get(name)
    click.echo(f"{one.title} ({one.name}, {one.language})\n\n{one.expand(one.description)}\n\n{one.expand(one.style)}")
    click.echo(f"\n“{one.greet()}”")


@cli.group()
def discord() -> None:
    """What the Discord application needs beside a token."""


@discord.command("invite")
def discord_invite() -> None:
    from bot.adapters import find
    from bot.core.settings import load

    find("discord")
    from bot.adapters.discord import bot_id_of, invite_link

    token = load().discord_token
    if token is None:
        raise CompanionError(tell("discord-no-token"))
    click.echo(invite_link(bot_id_of(token)))


@cli.command()
@click.argument("part", required=False, type=click.Choice(["redis", "worker"]))
def doctor(part: str | None) -> None:
    from bot.core.checks import report
    from bot.doctor import checks, probe

    sys.exit(report(probe(part) if part else checks()))


def _workers(*arguments: str) -> NoReturn:
    """The worker's half of the program is another process: nothing of it is ever imported here."""
    sys.exit(subprocess.call([sys.executable, "-m", "workers", *arguments]))


for command in (admin, export, forget):
    cli.add_command(command)


def main() -> None:
    print_anything()
    try:
        cli(prog_name="companion")
    except CompanionError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
    except OSError as problem:
        if problem.filename is None:
            raise
        print(tell("file-unusable", file=str(problem.filename), problem=problem.strerror or "?"), file=sys.stderr)
        sys.exit(1)
