"""Export and forget: the two that have a name of their own, since everybody may want them for themselves."""

from __future__ import annotations

import json
import sys

import click

from bot.admin.shared import be_sure, counted, hands_on, not_asked, open_here, whose_is


@click.command()
@click.argument("whom", required=False)
def export(whom: str | None) -> None:
    """Write everything kept about a person as JSON. WHOM is as for `admin`; without it, whoever sits here."""
    from bot.commands.own import everything

    with open_here() as front:
        whose = whose_is(front, whom)
        kept = everything(front, whose)
        hands_on(front, whose.surface).note("export", f"person:{whose.person}")
        json.dump(kept, sys.stdout, ensure_ascii=False, indent=2)
        print()


@click.command()
@click.argument("whom", required=False)
@not_asked
def forget(whom: str | None, yes: bool) -> None:
    """Erase everything kept about a person, and their key. WHOM is as for `admin`; without it, whoever sits here."""
    with open_here() as front:
        whose = whose_is(front, whom)
        be_sure(yes, f"Erase everything about {whose.person} on {whose.surface}, for ever?")
        click.echo(f"forgotten: {counted(hands_on(front, whose.surface).forget(whose), 'turn')}")
