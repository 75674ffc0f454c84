"""`python -m workers`: run a worker, or one prompt without any queue. Arguments in, calls out."""

from __future__ import annotations

import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from threading import Thread

import click

from bot.core import logs
from bot.core.errors import CompanionError
from bot.core.settings import load, make_data_dir


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The part of Companion that makes the replies."""


@cli.command()
@click.option("--redis-url", envvar="COMPANION_REDIS_URL", required=True, help="The Redis of the adapters.")
@click.option("--grace", default=30.0, show_default=True, help="Seconds that replies have to end when the worker stops.")
@click.option("--with-parent", is_flag=True, help="End when standard input closes, that is when whoever started it is gone.")
def run(redis_url: str, grace: float, with_parent: bool) -> None:
    """Take conversations from the queue and answer them."""
    # Celery listens later than one may be told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = load()
    make_data_dir(settings)
    logs.set_up(settings.log_level, settings.log_format, shows_text=settings.log_text)
    if with_parent:
        Thread(target=_end_with_stdin, daemon=True).start()
    from workers.app import Worker

    Worker(settings, redis_url, grace).run()


@cli.command()
@click.argument("text")
@click.option("--persona", help="Who answers.")
def say(text: str, persona: str | None) -> None:
    """Answer one prompt and leave; no queue, no memory."""
    settings = load(**({"persona": persona} if persona else {}))
    logs.set_up(settings.log_level, settings.log_format)
    from workers.say import say_once

    say_once(settings, text)


@cli.command()
def doctor() -> None:
    """Check the model, the memory, the disk and the GPU, a line each; exit status 1 when something is wrong."""
    from bot.core.checks import report
    from workers.doctor import checks

    sys.exit(report(checks(load())))


@cli.group()
def model() -> None:
    """Fetch a model, and look at a model's files without loading them."""


@model.command()
@click.argument("name")
@click.option("--mirror", default="", metavar="URL", help="Another hub, where the usual one cannot be reached; gets no token.")
@click.option("--revision", help="A branch, tag or commit.")
@click.option("--to", type=click.Path(path_type=Path), metavar="FOLDER", help="Here instead of the hub's cache.")
def pull(name: str, mirror: str, revision: str | None, to: Path | None) -> None:
    """Fetch a model by short name (r1-7b) or hub id and check it; run again, it goes on where it ended."""
    from workers.checkpoints.pull import print_pull
    from workers.texts import language

    _print_anything()
    sys.exit(print_pull(name, mirror, revision, to, language()))


@model.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True, help="Also read every byte and compare it with the published hash.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(path: Path, deep: bool, as_json: bool) -> None:
    """Say for every file of a model whether it is whole; exit status 1 when something is wrong."""
    from workers.checkpoints.check import print_report
    from workers.texts import language

    _print_anything()
    sys.exit(print_report(path, deep, as_json, language()))


@model.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def explain(name: str, as_json: bool) -> None:
    """Say what a model is, what it needs and how fast it can be: a folder, or a name such as r1-7b."""
    from workers.checkpoints.explain import print_explanation
    from workers.texts import language

    _print_anything()
    sys.exit(print_explanation(name, as_json, language()))


def _print_anything() -> None:
    """Names in files hold what the terminal may not know."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _end_with_stdin() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would be fatal to the interpreter's own end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    try:
        cli(prog_name="python -m workers")
    except CompanionError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
