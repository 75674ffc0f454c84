"""What /admin does in a chat, from the shell, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bot.admin.shared import about, be_sure, counted, hands_on, named, not_asked, open_here, refuse_unknown

if TYPE_CHECKING:
    from bot.administration import Administration
    from bot.core.access import Kind, Subject


def _kind(chat: bool, server: bool) -> Kind:
    return "chat" if chat else "server" if server else "person"


@click.group()
def admin() -> None:
    """For operators: people, chats, lists, backups. What is done is in the audit log.

    WHOM is PLATFORM:BOT:ID, such as telegram:42:1001, or a whole conversation as PLATFORM:BOT:CHAT:THREAD:PERSON.
    """


@admin.command()
@click.argument("whom")
@click.option("--chat", is_flag=True, help="ID is a chat: everybody's conversations in it.")
@not_asked
def reset(whom: str, chat: bool, yes: bool) -> None:
    """Forget what was said. In one whole conversation, to a person, or with --chat in a chat."""
    with open_here() as front:
        hands, subject = about(front, whom, "chat" if chat else "person")
        is_one = whom.count(":") != 2 and not chat
        what = f"the conversation {whom}" if is_one else f"all that was said with {subject} on {hands.surface}"
        be_sure(yes, f"Forget {what}? It cannot be taken back.")
        num_turns = hands.reset_conversation(named(front, whom)) if is_one else hands.reset(subject)
        click.echo(f"forgotten: {counted(num_turns, 'turn')}")


@admin.command("persona")
@click.argument("whom")
@click.argument("name")
@click.option("--chat", is_flag=True, help="For everybody in that chat who has chosen none.")
def set_persona(whom: str, name: str, chat: bool) -> None:
    """Choose the persona of a person, or with --chat of a chat."""
    with open_here() as front:
        hands, subject = about(front, whom, "chat" if chat else "person")
        click.echo(f"{subject.kind} now talks with {hands.choose_persona(subject, name).name}")


def _on_lists(deed: Callable[[Administration, Subject], str]) -> click.Command:
    """A command about a person, a chat or a server; the deed gives what is said of it."""

    @admin.command(deed.__name__, help=deed.__doc__)
    @click.argument("whom")
    @click.option("--chat", is_flag=True, help="ID is a chat.")
    @click.option("--server", is_flag=True, help="ID is a server.")
    def command(whom: str, chat: bool, server: bool) -> None:
        with open_here() as front:
            hands, subject = about(front, whom, _kind(chat, server))
            click.echo(f"{deed(hands, subject)}: {subject}")

    return command


@_on_lists
def block(hands: Administration, subject: Subject) -> str:
    """Take nothing from a person, chat or server any more. At once and everywhere."""
    hands.block(subject)
    return "blocked"


@_on_lists
def unblock(hands: Administration, subject: Subject) -> str:
    """Lift a block."""
    return "no longer blocked" if hands.unblock(subject) else "was not blocked"


@_on_lists
def allow(hands: Administration, subject: Subject) -> str:
    """Let a person, chat or server in. It matters where only the invited may talk."""
    hands.allow(subject)
    return "allowed"


@_on_lists
def disallow(hands: Administration, subject: Subject) -> str:
    """Take an allow, or the use of an invite, back."""
    return "no longer allowed" if hands.disallow(subject) else "was not allowed"


@admin.command()
@click.argument("surface")
def invite(surface: str) -> None:
    """A code that lets one person in, once. SURFACE is PLATFORM:BOT, such as telegram:42."""
    from bot.core.access import INVITE_DAYS
    from bot.core.errors import BadConversation

    with open_here() as front:
        if surface.count(":") != 1:
            raise BadConversation(f"not a bot account: {surface!r}; it is PLATFORM:BOT, such as telegram:42")
        refuse_unknown(front, surface)
        click.echo(f"{hands_on(front, surface).invite()}  (good for one person, within {INVITE_DAYS} days)")


@admin.command()
def stats() -> None:
    """Workers, and for each bot account who waits. Also how many people it knows and what it wrote today."""
    with open_here() as front:
        workers = front.presence.workers()
        for worker in workers:
            click.echo(f"worker {worker.id}: {worker.model}, {worker.stage}, {worker.busy} of {worker.slots} replies at work")
        if not workers:
            click.echo("no worker is alive")
        for surface in front.store.surfaces():
            now = hands_on(front, surface).stats()
            people = "" if now.num_people is None else f"people known: {now.num_people}, "
            counts = f"{people}{now.num_waiting} waiting, {now.num_dead} put aside, {now.tokens_today} tokens today"
            click.echo(f"{surface}: {counts}")
        for month, num in front.care_count.by_month().items():
            click.echo(f"care given in {month}: {num}")


@admin.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many entries.")
def audit(last: int) -> None:
    """What admins did, oldest first. A line has the time (UTC), the bot account, who, what, and to whom."""
    with open_here() as front:
        entries = [(entry, surface) for surface in front.store.surfaces() for entry in front.audit.last(surface, last)]
        if not entries:
            click.echo("nothing is in the audit log yet", err=True)
        for entry, surface in sorted(entries, key=lambda one: one[0].at)[-last:]:
            at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            click.echo(f"{at}  {surface}  {entry.who}  {entry.what} {entry.whom} {entry.value}".rstrip())
