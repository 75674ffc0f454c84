"""The operator's commands for everything that is kept: back it up, restore it, see how much it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.admin.shared import note_everywhere, open_here, refuse_unknown
from bot.core.texts import tell

if TYPE_CHECKING:
    from bot.census import Held
    from bot.core.settings import Settings
    from bot.core.store import Store

_PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
_MIN_PASSPHRASE = 8


@contextmanager
def _bare_store() -> Iterator[tuple[Settings, Store]]:
    """Redis before there is a memory key: opening the front would make one."""
    from redis.exceptions import RedisError

    from bot.core.errors import StoreUnavailable
    from bot.core.store import Store
    from bot.run import open_redis, ready_settings

    settings = ready_settings()
    with open_redis(settings) as url:
        store = Store(url)
        try:
            yield settings, store
        except RedisError as problem:
            raise StoreUnavailable.because(problem) from problem
        finally:
            store.close()


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_PASSPHRASE_FILE
@click.option("--force", is_flag=True)
def backup(file: Path, passphrase_file: Path | None, force: bool) -> None:
    from bot.backup import refuse_existing, save
    from bot.core.vault import master_key

    refuse_existing(file, replace=force)
    passphrase = _passphrase(passphrase_file, twice=True)
    with open_here() as front:
        size = save(front.store, master_key(front.settings), passphrase, file, replace=force)
        note_everywhere(front.store, "backup")
    click.echo(tell("backup-made", file=str(file), size=_size(size)))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_PASSPHRASE_FILE
@click.option("--replace", is_flag=True)
@click.option("--force", is_flag=True)
@click.option("--yes", is_flag=True)
def restore(file: Path, passphrase_file: Path | None, replace: bool, force: bool, yes: bool) -> None:
    from bot.backup import Backup, refuse

    with Backup(file, _passphrase(passphrase_file, twice=False)) as opened:
        contents = opened.check()
        with _bare_store() as (settings, store):
            refuse(store, settings, contents, replace=replace, force=force)
            if replace and not yes:
                click.confirm(tell("restore-sure", at=_date(contents.at)), abort=True)
            opened.restore(store, settings, contents)
            note_everywhere(store, "restore", _date(contents.at))
    click.echo(tell("restored", at=_date(contents.at)))


@click.command()
@click.option("--surface")
@click.option("--top", default=0, metavar="N", type=click.IntRange(0, 1000))
def conversations(surface: str | None, top: int) -> None:
    from bot.census import Census

    with open_here() as front:
        if surface:
            refuse_unknown(front, surface)
        census = Census(front.store, front.vault, top)
        totals = [census.count(name) for name in ([surface] if surface else front.store.surfaces())]
    head = ("turns", "size", "oldest", "newest")
    _table(("account", "conversations", "people", *head), [(t.name, t.conversations, t.people, *_held(t)) for t in totals])
    if top:
        click.echo()
        _table(("conversation", *head), [(one.name, *_held(one)) for one in census.largest()])


def _passphrase(file: Path | None, *, twice: bool) -> str:
    from bot.core.errors import CompanionError

    if file is None:
        again = tell("passphrase-again") if twice else False
        given: str = click.prompt(tell("passphrase"), hide_input=True, confirmation_prompt=again)
    else:
        given = _first_line(file)
    if twice and len(given) < _MIN_PASSPHRASE:
        raise CompanionError(tell("passphrase-short", least=_MIN_PASSPHRASE))
    return given


def _first_line(file: Path) -> str:
    from bot.core.errors import CompanionError

    try:
        with click.open_file(str(file), encoding="utf-8") as lines:
            return str(lines.readline()).rstrip("\r\n")
    except (OSError, ValueError):
        raise CompanionError(tell("passphrase-unreadable", file=str(file))) from None


def _held(what: Held) -> tuple[object, ...]:
    return what.turns, _size(what.size), _date(what.oldest), _date(what.newest)


def _size(num_bytes: float) -> str:
    if num_bytes < 1000:
        return f"{num_bytes:.0f} B"
    for unit in ("kB", "MB", "GB"):
        num_bytes /= 1000
        if num_bytes < 1000:
            return f"{num_bytes:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} TB"


def _date(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC") if at is not None else "-"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """The first column to the left, numbers to the right. `head` has the ends of the texts `table-…`."""
    lines = [tuple(tell(f"table-{name}") for name in head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for first, *rest in lines:
        cells = [" " * (width - _width(cell)) + cell for cell, width in zip(rest, widths[1:], strict=True)]
        click.echo("  ".join([first + " " * (widths[0] - _width(first)), *cells]))


def _width(text: str) -> int:
    """In columns of a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
