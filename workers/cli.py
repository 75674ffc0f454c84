"""`python -m workers`: run a worker, or one prompt without any queue. Arguments in, calls out."""

from __future__ import annotations

import os
import signal
import sys
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
    settings = load()
    make_data_dir(settings)
    logs.set_up(settings.log_level, settings.log_format)
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
