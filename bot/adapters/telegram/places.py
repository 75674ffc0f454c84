"""Where a conversation is on Telegram: which chat and topic it is sent to, and which conversation a message belongs to.

A group that becomes a supergroup gets another id. Everything about it stays under the id by which it was first known,
so that memory, choices, lists and replies on their way move with it, all at once; only the address changes.
"""

from __future__ import annotations

from typing import Protocol

from bot.core.messages import Conversation

PLATFORM = "telegram"


class Moves(Protocol):
    """Remembers which group became which."""

    def moved(self) -> dict[int, int]: ...

    def move(self, new: int, first: int) -> None: ...


class Places:
    """Of one bot account."""

    def __init__(self, bot_id: int, moves: Moves) -> None:
        self._bot, self._moves = str(bot_id), moves
        self._first: dict[int, int] = {}
        self._newest: dict[int, int] = {}

    @property
    def surface(self) -> str:
        return f"{PLATFORM}:{self._bot}"

    def load(self) -> None:
        self._first = self._moves.moved()
        self._newest = {first: new for new, first in self._first.items()}

    def learn(self, old: int, new: int) -> None:
        """A group became a supergroup. Telegram says so twice, and once more to whoever writes to the old id."""
        first = self._first.get(old, old)
        if old != new and self._first.get(new) != first:
            self._moves.move(new, first)
            self._first[new], self._newest[first] = first, new

    def conversation(self, chat: int, thread: int, person: int) -> Conversation:
        return Conversation(PLATFORM, self._bot, str(self._first.get(chat, chat)), str(thread), str(person))

    def address(self, conversation: Conversation) -> int:
        chat = int(conversation.chat)
        return self._newest.get(chat, chat)


def thread_of(conversation: Conversation) -> int | None:
    """What Telegram is told of the topic; the general one has no number."""
    return int(conversation.thread) or None
