"""Export and forget: the two that have a name of their own, since everybody may want them for themselves."""

from __future__ import annotations

import json
import sys

import click

from bot.admin.shared import hands_on, open_here, whose_is


@click.command()
@click.argument("conversation", required=False)
def export(conversation: str | None) -> None:
    """Write everything kept about a person as JSON. CONVERSATION is any one of theirs."""
    from bot.commands.own import everything

    with open_here() as front:
        whose = whose_is(front, conversation)
        kept = everything(front, whose)
        hands_on(front, whose.surface).note("export", f"person:{whose.person}")
        json.dump(kept, sys.stdout, ensure_ascii=False, indent=2)
        print()


@click.command()
@click.argument("conversation", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(conversation: str | None, yes: bool) -> None:
    """Erase everything kept about a person. With the key that opens any copy; CONVERSATION is any one of theirs."""
    with open_here() as front:
        whose = whose_is(front, conversation)
        if not yes:
            click.confirm(f"Erase everything about {whose.person} on {whose.surface}, for ever?", abort=True)
        click.echo(f"forgotten: {hands_on(front, whose.surface).forget(whose)} turns")
