"""Lines that were put aside: seen with their words in the shell alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bot.admin.shared import be_sure, hands_on, not_asked, open_here
from bot.core.texts import inert, printable, tell

if TYPE_CHECKING:
    from bot.administration import Administration
    from bot.core.dead import DeadLetter
    from bot.run import Front


@click.group()
def dead() -> None:
    """What failed three turns."""


@dead.command("list")
def dead_list() -> None:
    with open_here() as front:
        letters = list(_letters(front))
        if not letters:
            click.echo(tell("letter-none"), err=True)
        for letter in letters:
            click.echo(tell("letter", id=letter.id, whom=str(letter.conversation), lines=len(letter.lines)))


@dead.command("show")
@click.argument("id")
def dead_show(id: str) -> None:
    with _at_hand(id) as (hands, letter):
        hands.note("dead show", str(letter.conversation), letter.id)
        for line in letter.lines:
            click.echo(f"{printable(line.author)}: {inert(line.text)}")


@dead.command("replay")
@click.argument("id")
def dead_replay(id: str) -> None:
    with _at_hand(id) as (hands, letter):
        hands.replay(letter)
        click.echo(tell("letter-replayed"))


@dead.command("drop")
@click.argument("id")
@not_asked
def dead_drop(id: str, yes: bool) -> None:
    with _at_hand(id) as (hands, letter):
        be_sure(yes, tell("letter-drop-sure", whom=str(letter.conversation), lines=len(letter.lines)))
        hands.drop(letter)
        click.echo(tell("letter-dropped"))


@contextmanager
def _at_hand(id: str) -> Iterator[tuple[Administration, DeadLetter]]:
    with open_here() as front:
        letter = _letter(front, id)
        yield hands_on(front, letter.conversation.surface), letter


def _letters(front: Front) -> Iterator[DeadLetter]:
    for surface in front.store.surfaces():
        yield from front.dead.all(surface)


def _letter(front: Front, id: str) -> DeadLetter:
    from bot.core.errors import CompanionError

    for letter in _letters(front):
        if letter.id == id:
            return letter
    raise CompanionError(tell("letter-unknown", id=id))
