"""What /admin does in a chat, from the shell, and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bot.admin.shared import about, be_sure, hands_on, named, not_asked, open_here, refuse_unknown
from bot.core.texts import tell

if TYPE_CHECKING:
    from bot.administration import Administration, Stats
    from bot.core.access import Kind, Subject


def _kind(chat: bool, server: bool) -> Kind:
    return "chat" if chat else "server" if server else "person"


@click.group()
def admin() -> None:
    """What is done is in the audit log."""


@admin.command()
@click.argument("whom")
@click.option("--chat", is_flag=True)
@not_asked
def reset(whom: str, chat: bool, yes: bool) -> None:
    with open_here() as front:
        hands, subject = about(front, whom, "chat" if chat else "person")
        is_one = whom.count(":") != 2 and not chat
        everything = tell("reset-sure", whom=str(subject), account=hands.surface)
        be_sure(yes, tell("reset-sure-one", whom=whom) if is_one else everything)
        num_turns = hands.reset_conversation(named(front, whom)) if is_one else hands.reset(subject)
        click.echo(tell("forgotten", turns=num_turns))


@admin.command("persona")
@click.argument("whom")
@click.argument("name")
@click.option("--chat", is_flag=True)
def set_persona(whom: str, name: str, chat: bool) -> None:
    with open_here() as front:
        hands, subject = about(front, whom, "chat" if chat else "person")
        click.echo(tell("persona-chosen", kind=subject.kind, persona=hands.choose_persona(subject, name).name))


def _on_lists(deed: Callable[[Administration, Subject], str]) -> click.Command:
    """A command about a person, a chat or a server; the deed gives the end of the text `list-…` that tells what was done."""

    @admin.command(deed.__name__)
    @click.argument("whom")
    @click.option("--chat", is_flag=True)
    @click.option("--server", is_flag=True)
    def command(whom: str, chat: bool, server: bool) -> None:
        with open_here() as front:
            hands, subject = about(front, whom, _kind(chat, server))
            click.echo(tell(f"list-{deed(hands, subject)}", whom=str(subject)))

    return command


@_on_lists
def block(hands: Administration, subject: Subject) -> str:
    hands.block(subject)
    return "blocked"


@_on_lists
def unblock(hands: Administration, subject: Subject) -> str:
    return "unblocked" if hands.unblock(subject) else "not-blocked"


@_on_lists
def allow(hands: Administration, subject: Subject) -> str:
    hands.allow(subject)
    return "allowed"


@_on_lists
def disallow(hands: Administration, subject: Subject) -> str:
    return "disallowed" if hands.disallow(subject) else "not-allowed"


@admin.command()
@click.argument("surface")
def invite(surface: str) -> None:
    from bot.core.access import INVITE_DAYS
    from bot.core.errors import BadConversation

    with open_here() as front:
        if surface.count(":") != 1:
            raise BadConversation(tell("account-form", name=surface))
        refuse_unknown(front, surface)
        click.echo(tell("invite-made", code=hands_on(front, surface).invite(), days=INVITE_DAYS))


@admin.command()
def stats() -> None:
    with open_here() as front:
        workers = front.presence.workers()
        for worker in workers:
            state = {"id": worker.id, "model": worker.model, "stage": worker.stage}
            click.echo(tell("stats-worker", busy=worker.busy, slots=worker.slots, **state))
        if not workers:
            click.echo(tell("stats-no-worker"))
        for surface in front.store.surfaces():
            click.echo(_stats(surface, hands_on(front, surface).stats()))
        for month, num in front.care_count.by_month().items():
            click.echo(tell("stats-care", month=month, count=num))


def _stats(surface: str, now: Stats) -> str:
    counts = {"waiting": now.num_waiting, "dead": now.num_dead, "tokens": now.tokens_today}
    if now.num_people is None:
        return tell("stats-account", account=surface, **counts)
    return tell("stats-account-people", account=surface, people=now.num_people, **counts)


@admin.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 10_000))
def audit(last: int) -> None:
    with open_here() as front:
        entries = [(entry, surface) for surface in front.audit.surfaces() for entry in front.audit.last(surface, last)]
        if not entries:
            click.echo(tell("audit-none"), err=True)
        for entry, surface in sorted(entries, key=lambda one: one[0].at)[-last:]:
            at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            click.echo(f"{at}  {surface}  {entry.who}  {entry.what} {entry.whom} {entry.value}".rstrip())
