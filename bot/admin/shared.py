"""What the operator's commands share: the front they work on, whose hands they are, and whom it is about."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.administration import Administration
    from bot.core.access import Kind, Subject
    from bot.core.messages import Conversation
    from bot.core.store import Store
    from bot.run import Front


@contextmanager
def open_here() -> Iterator[Front]:
    from bot.run import open_front, open_redis, ready_settings

    settings = ready_settings()
    with open_redis(settings) as url, open_front(settings, url) as front:
        yield front


def whose_is(front: Front, name: str | None) -> Conversation:
    from bot.adapters.console.surface import conversation_here
    from bot.core.messages import Conversation

    return Conversation.parse(name) if name else conversation_here(front)


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
    return f"shell:{getpass.getuser()}"


def about(front: Front, name: str, kind: Kind = "person") -> tuple[Administration, Subject]:
    """PLATFORM:BOT:ID, or the person or chat of a whole conversation."""
    from bot.core.messages import Conversation

    if name.count(":") != 2:
        conversation = Conversation.parse(name)
        hands = hands_on(front, conversation.surface)
        return hands, hands.subject(kind, conversation.chat if kind == "chat" else conversation.person)
    surface, id = name.rsplit(":", 1)
    hands = hands_on(front, surface)
    return hands, hands.subject(kind, id)
