"""The operator's commands for everything that is kept: back it up, restore it, see how much it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.admin.shared import note_everywhere, open_here, refuse_unknown

if TYPE_CHECKING:
    from bot.census import Held
    from bot.core.settings import Settings
    from bot.core.store import Store

_PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File whose first line is the passphrase; without it you are asked.",
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
            raise StoreUnavailable(f"{StoreUnavailable.__doc__} ({problem})") from problem
        finally:
            store.close()


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_PASSPHRASE_FILE
@click.option("--force", is_flag=True, help="Replace FILE when it exists.")
def backup(file: Path, passphrase_file: Path | None, force: bool) -> None:
    """Write everything to one encrypted FILE, the memory key too. Companion may go on running."""
    from bot.backup import refuse_existing, save
    from bot.core.vault import master_key

    refuse_existing(file, replace=force)
    passphrase = _passphrase(passphrase_file, twice=True)
    with open_here() as front:
        size = save(front.store, master_key(front.settings), passphrase, file, replace=force)
        note_everywhere(front.store, "backup")
    click.echo(f"{file}: {_size(size)}. Without the passphrase nobody can open it, you neither.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_PASSPHRASE_FILE
@click.option("--replace", is_flag=True, help="Erase what this Redis holds, then restore.")
@click.option("--force", is_flag=True, help="Even while workers run.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
def restore(file: Path, passphrase_file: Path | None, replace: bool, force: bool, yes: bool) -> None:
    """Put everything back from a backup FILE. Here or on another machine; all of it is checked before anything is changed."""
    from bot.backup import Backup, refuse

    with Backup(file, _passphrase(passphrase_file, twice=False)) as opened:
        contents = opened.check()
        with _bare_store() as (settings, store):
            refuse(store, settings, contents, replace=replace, force=force)
            if replace and not yes:
                click.confirm(f"Erase everything here and put the backup of {_date(contents.at)} in its place?", abort=True)
            opened.restore(store, settings, contents)
            note_everywhere(store, "restore", _date(contents.at))
    click.echo(f"restored: everything as it was on {_date(contents.at)}")


@click.command()
@click.option("--surface", help="One bot account, as PLATFORM:BOT; without it, all.")
@click.option("--top", default=0, metavar="N", type=click.IntRange(0, 1000), help="Also the N largest conversations.")
def conversations(surface: str | None, top: int) -> None:
    """How many conversations there are, and how much they hold. Also when the oldest and newest turns were."""
    from bot.census import Census

    with open_here() as front:
        if surface:
            refuse_unknown(front, surface)
        census = Census(front.store, front.vault, top)
        totals = [census.count(name) for name in ([surface] if surface else front.store.surfaces())]
    head = ("TURNS", "SIZE", "OLDEST TURN", "NEWEST TURN")
    _table(("SURFACE", "CONVERSATIONS", "PEOPLE", *head), [(t.name, t.conversations, t.people, *_held(t)) for t in totals])
    if top:
        click.echo()
        _table(("CONVERSATION", *head), [(one.name, *_held(one)) for one in census.largest()])


def _passphrase(file: Path | None, *, twice: bool) -> str:
    from bot.core.errors import CompanionError

    if file is None:
        given: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=twice)
    else:
        given = _first_line(file)
    if twice and len(given) < _MIN_PASSPHRASE:
        raise CompanionError(f"a passphrase has at least {_MIN_PASSPHRASE} characters; several words are better than one")
    return given


def _first_line(file: Path) -> str:
    from bot.core.errors import CompanionError

    try:
        with click.open_file(str(file), encoding="utf-8") as lines:
            return str(lines.readline()).rstrip("\r\n")
    except (OSError, ValueError):
        raise CompanionError(f"{file} cannot be read as text: its first line should be the passphrase") from None


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
    """The first column to the left, numbers to the right."""
    lines = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        click.echo("  ".join([line[0].ljust(widths[0]), *cells]))
