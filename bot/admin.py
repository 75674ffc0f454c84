"""The operator's commands of `companion`: export and forget a person, reset, personas, lines that were put aside."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.core.dead import DeadLetter
    from bot.core.messages import Conversation
    from bot.run import Front

_WHOM = "A conversation, as PLATFORM:BOT:CHAT:THREAD:PERSON; without it, the one in this terminal."


@contextmanager
def _front() -> Iterator[Front]:
    from bot.run import open_front, open_redis, ready_settings

    settings = ready_settings()
    with open_redis(settings) as url, open_front(settings, url) as front:
        yield front


def _whose(front: Front, name: str | None) -> Conversation:
    from bot.adapters.console.surface import conversation_here
    from bot.core.messages import Conversation

    return Conversation.parse(name) if name else conversation_here(front)


@click.command()
@click.argument("conversation", required=False)
def export(conversation: str | None) -> None:
    """Write everything kept about a person as JSON. CONVERSATION is any one of theirs."""
    with _front() as front:
        json.dump(front.people.export(_whose(front, conversation)), sys.stdout, ensure_ascii=False, indent=2)
        print()


@click.command()
@click.argument("conversation", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(conversation: str | None, yes: bool) -> None:
    """Erase everything kept about a person, and the key that opens any copy. CONVERSATION is any one of theirs."""
    with _front() as front:
        whose = _whose(front, conversation)
        if not yes:
            click.confirm(f"Erase everything about {whose.person} on {whose.surface}, for ever?", abort=True)
        click.echo(f"forgotten: {front.people.forget(whose)} turns")


@click.group()
def admin() -> None:
    """What operators do: other people's conversations, and lines that could not be answered."""


@admin.command()
@click.argument("conversation")
def reset(conversation: str) -> None:
    """Forget one conversation."""
    with _front() as front:
        click.echo(f"forgotten: {front.memory.forget(_whose(front, conversation))} turns")


@admin.command("persona")
@click.argument("conversation")
@click.argument("name")
@click.option("--chat", is_flag=True, help="For everybody in that chat who has chosen none.")
def set_persona(conversation: str, name: str, chat: bool) -> None:
    """Choose the persona of a person, or with --chat of a whole chat."""
    with _front() as front:
        chosen = front.personas.get(name).name
        choose = front.people.choose_for_chat if chat else front.people.choose
        choose(_whose(front, conversation), persona=chosen)
        click.echo(f"{'chat' if chat else 'person'} now talks with {chosen}")


@admin.group()
def dead() -> None:
    """Lines that failed three turns and were put aside."""


@dead.command("list")
def dead_list() -> None:
    """All of them, without what was said."""
    with _front() as front:
        for letter in _letters(front):
            click.echo(f"{letter.id}  {letter.conversation}  {len(letter.lines)} line(s)")


@dead.command("show")
@click.argument("id")
def dead_show(id: str) -> None:
    """One of them, with what was said."""
    with _front() as front:
        for line in _letter(front, id).lines:
            click.echo(f"{line.author}: {line.text}")


@dead.command("replay")
@click.argument("id")
def dead_replay(id: str) -> None:
    """Have one answered after all."""
    with _front() as front:
        letter = _letter(front, id)
        front.dead.replay(letter)
        front.wakeups.send(letter.conversation)
        click.echo("put back into its inbox")


@dead.command("drop")
@click.argument("id")
def dead_drop(id: str) -> None:
    """Throw one away."""
    with _front() as front:
        front.dead.drop(_letter(front, id))
        click.echo("dropped")


def _letters(front: Front) -> Iterator[DeadLetter]:
    for surface in front.store.surfaces():
        yield from front.dead.all(surface)


def _letter(front: Front, id: str) -> DeadLetter:
    from bot.core.errors import CompanionError

    for letter in _letters(front):
        if letter.id == id:
            return letter
    raise CompanionError(f"no line was put aside as {id!r}; `companion admin dead list` shows those that were")
