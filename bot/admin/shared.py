"""What the operator's commands share: the front they work on, whose hands they are, and whom it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bot.core.shell import user_here
from bot.core.texts import tell

if TYPE_CHECKING:
    from bot.administration import Administration
    from bot.core.access import Kind, Subject
    from bot.core.messages import Conversation
    from bot.core.store import Store
    from bot.run import Front


not_asked = click.option("--yes", is_flag=True)


def be_sure(yes: bool, question: str) -> None:
    """Ask before something is erased; the command ends where the answer is no, or nobody is there to give one."""
    if not yes:
        click.confirm(question, abort=True)


@contextmanager
def open_here() -> Iterator[Front]:
    from bot.run import open_front, open_redis, ready_settings

    settings = ready_settings()
    with open_redis(settings) as url, open_front(settings, url) as front:
        yield front


def whose_is(front: Front, name: str | None) -> Conversation:
    from bot.adapters.console.surface import conversation_here

    return named(front, name) if name else conversation_here(front)


def named(front: Front, name: str) -> Conversation:
    """PLATFORM:BOT:ID, or a whole conversation. Raises `BadConversation` with how they are written."""
    from bot.core.errors import BadConversation
    from bot.core.messages import Conversation

    try:
        found = Conversation.parse(f"{name}:0:{name.rpartition(':')[2]}" if name.count(":") == 2 else name)
    except BadConversation:
        raise BadConversation(tell("whom-form", name=name)) from None
    refuse_unknown(front, found.surface)
    return found


def refuse_unknown(front: Front, surface: str) -> None:
    """What is done for a bot that never ran here has no effect, and is a slip of the pen: unless none has run so far."""
    from bot.core.errors import CompanionError

    known = front.store.surfaces()
    if known and surface not in known:
        raise CompanionError(tell("account-unknown", name=surface, known=", ".join(known)))


def hands_on(front: Front, surface: str) -> Administration:
    """Whoever has the shell has the files and the key: an owner."""
    from bot.administration import Administration

    return Administration(front, surface, _who(), is_owner=True)


def note_everywhere(store: Store, what: str, value: str = "") -> None:
    """A line in the audit log of each bot account, for what concerns them all."""
    from bot.core.audit import Audit

    for surface in store.surfaces():
        Audit(store).write(surface, _who(), what, value=value)


def _who() -> str:
    return f"shell:{user_here()}"


def about(front: Front, name: str, kind: Kind = "person") -> tuple[Administration, Subject]:
    """PLATFORM:BOT:ID, or the person or chat of a whole conversation."""
    from bot.core.errors import BadConversation

    if kind == "server" and name.count(":") != 2:
        raise BadConversation(tell("server-form", name=name))
    found = named(front, name)
    hands = hands_on(front, found.surface)
    return hands, hands.subject(kind, found.chat if kind == "chat" else found.person)
