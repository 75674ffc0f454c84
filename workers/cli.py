"""`python -m workers`: run a worker, or one prompt without any queue. Arguments in, calls out."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from threading import Thread

import click

from bot.core import logs
from bot.core.errors import CompanionError
from bot.core.settings import load, make_data_dir
from bot.core.shell import Shell, print_anything
from workers.place import take_place
from workers.texts import TEXTS, language


@click.group(cls=Shell, texts=TEXTS, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """What its help says stands in `locales`, as that of all commands does."""


@cli.command()
@click.option("--redis-url", envvar="COMPANION_REDIS_URL", required=True)
@click.option("--grace", default=30.0, show_default=True)
@click.option("--with-parent", is_flag=True)
@click.option("--place", hidden=True)
def run(redis_url: str, grace: float, with_parent: bool, place: str | None) -> None:
    # Celery listens later than one may be told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = load()
    make_data_dir(settings)
    if with_parent:
        Thread(target=_end_with_stdin, daemon=True).start()
    with take_place(settings, place) as (here, door):
        logs.set_up(settings.log_level, settings.log_format, shows_text=settings.log_text, process=here.name)
        from workers.app import Worker

        Worker(settings, redis_url, grace, here, door).run()


@cli.command()
@click.argument("text")
@click.option("--persona")
def say(text: str, persona: str | None) -> None:
    settings = load(**({"persona": persona} if persona else {}))
    logs.set_up(settings.log_level, settings.log_format)
    from workers.say import say_once

    say_once(settings, text)


@cli.command()
def doctor() -> None:
    from bot.core.checks import report
    from workers.doctor import checks

    sys.exit(report(checks(load())))


@cli.group()
def model() -> None:
    """What is done with a model's files."""


@model.command()
@click.argument("name")
@click.option("--mirror", default="", metavar="URL")
@click.option("--revision")
@click.option("--to", type=click.Path(path_type=Path), metavar="FOLDER")
def pull(name: str, mirror: str, revision: str | None, to: Path | None) -> None:
    from workers.checkpoints.pull import print_pull

    sys.exit(print_pull(name, mirror, revision, to, language()))


@model.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def check(path: Path, deep: bool, as_json: bool) -> None:
    from workers.checkpoints.check import print_report

    sys.exit(print_report(path, deep, as_json, language()))


@model.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def explain(name: str, as_json: bool) -> None:
    from workers.checkpoints.explain import print_explanation

    sys.exit(print_explanation(name, as_json, language()))


def _end_with_stdin() -> None:
    # Not through sys.stdin: its lock, held by a thread that waits, would be fatal to the interpreter's own end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    print_anything()
    try:
        cli(prog_name="python -m workers")
    except CompanionError as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
