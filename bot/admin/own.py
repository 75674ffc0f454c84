"""Export and forget: the two that have a name of their own, since everybody may want them for themselves."""

from __future__ import annotations

import json
import sys

import click

from bot.admin.shared import be_sure, hands_on, not_asked, open_here, whose_is
from bot.core.texts import tell


@click.command()
@click.argument("whom", required=False)
def export(whom: str | None) -> None:
    from bot.commands.own import everything

    with open_here() as front:
        whose = whose_is(front, whom)
        kept = everything(front, whose)
        hands_on(front, whose.surface).note("export", f"person:{whose.person}")
        knows_all = sys.stdout.encoding.lower() == "utf-8"
        json.dump(kept, sys.stdout, ensure_ascii=not knows_all, indent=2)
        print()


@click.command()
@click.argument("whom", required=False)
@not_asked
def forget(whom: str | None, yes: bool) -> None:
    with open_here() as front:
        whose = whose_is(front, whom)
        be_sure(yes, tell("forget-sure", whom=whose.person, account=whose.surface))
        click.echo(tell("forgotten", turns=hands_on(front, whose.surface).forget(whose)))
