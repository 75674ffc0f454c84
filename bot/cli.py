"""The `companion` command. Arguments in, calls out; everything heavy is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys
from typing import NoReturn

import click

from bot.admin import admin, export, forget
from bot.core.errors import CompanionError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="companion")
def cli() -> None:
    """A companion of your own: on Telegram, on Discord and in this terminal.

    Settings come from COMPANION_* variables, a .env file or companion.toml; docs/settings.md has the table.
    """


@cli.command()
def up() -> None:
    """Run everything here: Redis, a worker, adapters. Redis unless a URL is set, and every adapter that has a token."""
    from bot.process import end_by_signal
    from bot.run import ready_settings
    from bot.up import everything, to_stderr

    end_by_signal()
    with everything(ready_settings(), to_stderr, adapters=True) as running:
        running.watch()


@cli.command()
def chat() -> None:
    """Talk in this terminal; starts what is needed and ends it again."""
    from bot.adapters import find
    from bot.core import metrics
    from bot.process import end_by_signal, run_beside
    from bot.run import ready_settings
    from bot.up import everything, to_stderr

    end_by_signal()
    with everything(ready_settings(), to_stderr, adapters=False) as running:
        metrics.serve(running.front.settings, "console")
        run_beside(running.keep_alive, find("console"), running.front)


@cli.command()
@click.argument("name")
@click.option("--with-parent", is_flag=True, help="End when standard input closes.")
def bot(name: str, with_parent: bool) -> None:
    """Run one adapter: telegram, discord or console."""
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
    """Run a worker, which makes the replies. The same as `python -m workers run`."""
    from bot.run import open_redis, ready_settings

    with open_redis(ready_settings()) as url:
        _workers("run", *arguments, redis_url=url)


@cli.command()
@click.argument("text")
@click.option("--persona", help="Who answers.")
def say(text: str, persona: str | None) -> None:
    """Answer one prompt and leave: no queue, no memory."""
    _workers("say", *(["--persona", persona] if persona else []), "--", text)


@cli.group()
def model() -> None:
    """Fetch a model, and look at a model's files without loading them."""


@model.command("pull")
@click.argument("name")
@click.option("--mirror", metavar="URL", help="Another hub, where the usual one cannot be reached; gets no token.")
@click.option("--revision", help="A branch, tag or commit.")
@click.option("--to", metavar="FOLDER", help="Here instead of the hub's cache.")
def model_pull(name: str, **options: str | None) -> None:
    """Fetch a model and check it. NAME is short (r1-7b) or a hub id; run again, it goes on where it ended."""
    import os

    given = [f"--{option}={value}" for option, value in options.items() if value]
    # In this process's place, so that Ctrl-C and the exit status are the download's own.
    os.execv(sys.executable, [sys.executable, "-m", "workers", "model", "pull", *given, "--", name])  # noqa: S606


@model.command("check")
@click.argument("path")
@click.option("--deep", is_flag=True, help="Also read every byte and compare it with the published hash.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def model_check(path: str, deep: bool, as_json: bool) -> None:
    """Say for every file of a model whether it is whole. PATH is a folder, or the name of a model in the hub's cache."""
    options = [*(["--deep"] if deep else []), *(["--json"] if as_json else [])]
    _workers("model", "check", *options, "--", path)


@model.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def model_explain(name: str, as_json: bool) -> None:
    """Say what a model is, needs, and how fast it can be. NAME is a folder, or a name such as r1-7b."""
    _workers("model", "explain", *(["--json"] if as_json else []), "--", name)


@cli.group()
def persona() -> None:
    """Who the companion can be."""


@persona.command("list")
def persona_list() -> None:
    """All personas, a line each."""
    from bot.core.personas import Personas
    from bot.run import ready_settings

    for one in Personas.of(ready_settings()).all():
        click.echo(f"{one.name:12} {one.title} ({one.language}): {one.about()}")


@persona.command("show")
@click.argument("name")
def persona_show(name: str) -> None:
    """One persona, whole."""
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
    """Print the link by which somebody takes the bot into a server."""
    from bot.adapters import find
    from bot.core.settings import load

    find("discord")
    from bot.adapters.discord import bot_id_of, invite_link

    token = load().discord_token
    if token is None:
        raise CompanionError("COMPANION_DISCORD_TOKEN is not set. docs/discord.md says how to get one")
    click.echo(invite_link(bot_id_of(token)))


@cli.command()
@click.argument("part", required=False, type=click.Choice(["redis", "worker"]))
def doctor(part: str | None) -> None:
    """Look at everything, a line a check. It says ok, or what is wrong and what to type; exit status 1 when something is.

    With a PART it is a health check that is done in a second: of redis, or of the worker on this machine.
    """
    from bot.core.checks import report
    from bot.doctor import checks, probe

    sys.exit(report(probe(part) if part else checks()))


def _workers(*arguments: str, redis_url: str | None = None) -> NoReturn:
    """The worker's half of the program is another process: nothing of it is ever imported here."""
    import os

    environment = os.environ | ({"COMPANION_REDIS_URL": redis_url} if redis_url else {})
    sys.exit(subprocess.call([sys.executable, "-m", "workers", *arguments], env=environment))


for command in (admin, export, forget):
    cli.add_command(command)


def main() -> None:
    try:
        cli(prog_name="companion")
    except CompanionError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
