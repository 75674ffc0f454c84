"""A message that its person wrote anew: where it stands by now, and other words for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from bot.core.inbox import sealed_lines
from bot.core.messages import Conversation, Line, dump, load_line
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Vault

_KEEP_SECONDS = 48 * 3600

Place = Literal["replaced", "same", "answering", "gone"]


def replace_waiting(store: Store, vault: Vault, conversation: Conversation, edit: Line) -> Place:
    """Put the new words into the waiting line of that `message_id`.

    Gives "same" when they are not new, "answering" when a worker may have read the old ones, "gone" when no such line waits.
    """
    keys = Keys(conversation.surface)
    names = [keys.of(conversation, what) for what in ("state", "inbox")]
    for old, line in reversed(sealed_lines(store, vault, conversation)):  # an earlier edit of it stands behind it
        if line.message_id != edit.message_id or line.kind == "retry":
            continue
        if line.text == edit.text:
            return "same"
        new = vault.seal(conversation).close(dump(replace(line, text=edit.text, speaker=edit.speaker)), str(conversation))
        place: Place = store.call("edit_waiting", names, old, new).decode()
        return place
    return "gone"


def keep_edit(store: Store, vault: Vault, conversation: Conversation, edit: Line) -> None:
    """For `take_edit`, should the person want it answered; the newest alone, and not for ever."""
    sealed = vault.seal(conversation).close(dump(edit), str(conversation))
    store.redis.set(Keys(conversation.surface).of(conversation, "edited"), sealed, ex=_KEEP_SECONDS)


def take_edit(store: Store, vault: Vault, conversation: Conversation) -> Line | None:
    return _open(vault, conversation, store.redis.getdel(Keys(conversation.surface).of(conversation, "edited")))


def kept_edit(store: Store, vault: Vault, conversation: Conversation) -> Line | None:
    return _open(vault, conversation, store.redis.get(Keys(conversation.surface).of(conversation, "edited")))


def _open(vault: Vault, conversation: Conversation, sealed: Any) -> Line | None:
    try:
        return load_line(vault.find(conversation).open(sealed, str(conversation))) if sealed else None
    except Forgotten:
        return None
