"""Who may what: roles from the settings, lists and invite codes from Redis. Both are read anew at every question."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Literal, Self

from bot.core.messages import Conversation
from bot.core.settings import Settings
from bot.core.store import Keys, Store

Role = Literal["owner", "admin", "person"]
Kind = Literal["person", "chat", "server"]
List = Literal["allow", "block"]

INVITE_DAYS = 7
_CODE_BYTES = 16
_CODE = re.compile(r"[A-Za-z0-9_-]{22}")
_LIKE_A_CODE = re.compile(r"[A-Za-z0-9_-]{16,30}")


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be on a list: a person, a chat or a server (a community of chats) of one bot account."""

    surface: str
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def person(cls, conversation: Conversation) -> Self:
        return cls(conversation.surface, "person", conversation.person)

    @classmethod
    def chat(cls, conversation: Conversation) -> Self:
        return cls(conversation.surface, "chat", conversation.chat)


class Access:
    """Blocks win over allows; owners and admins stand above the lists. Safe to share between threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def role(self, conversation: Conversation) -> Role:
        """By the platform's user id. Who sits at the terminal owns the bot, unless the settings name who does there."""
        name = f"{conversation.platform}:{conversation.person}"
        if name in self._settings.owners:
            return "owner"
        if name in self._settings.admins:
            return "admin"
        return "owner" if conversation.platform == "console" and not self._names_console_users() else "person"

    def is_admin(self, conversation: Conversation) -> bool:
        """Whether they may use /admin, as owners and admins do; no list or limit holds them."""
        return self.role(conversation) != "person"

    def put(self, subject: Subject, on: List) -> None:
        """Put on a list. To be allowed by name lifts the block of that name; a block leaves an older leave in place."""
        pipe = self._store.redis.pipeline(transaction=True)
        pipe.hset(_lists(subject), f"{on}:{subject}", "1")
        if on == "allow":
            pipe.hdel(_lists(subject), f"block:{subject}")
        pipe.execute()

    def take_off(self, subject: Subject, on: List) -> bool:
        """False when it was not on that list."""
        return bool(self._store.redis.hdel(_lists(subject), f"{on}:{subject}"))

    def is_on(self, subject: Subject, on: List) -> bool:
        return bool(self._store.redis.hexists(_lists(subject), f"{on}:{subject}"))

    def lists_of(self, subject: Subject) -> list[List]:
        """The lists that name it."""
        lists: tuple[List, ...] = ("allow", "block")
        return [name for name in lists if self.is_on(subject, name)]

    def listed(self, surface: str) -> list[str]:
        """All entries of both lists, such as `block:person:1001`."""
        names: Any = self._store.redis.hkeys(Keys(surface).access)
        return sorted(name.decode() for name in names)

    def make_invite(self, surface: str) -> str:
        """A code that lets one person in, once, within `INVITE_DAYS`. Only its digest is kept."""
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._store.redis.set(_invite(surface, code), "1", ex=INVITE_DAYS * 24 * 3600)
        return code

    def redeem(self, conversation: Conversation, code: str) -> bool:
        """Use a code up and allow the person; of two who try at once, one gets in."""
        if not _CODE.fullmatch(code):
            return False
        names = [_invite(conversation.surface, code), Keys(conversation.surface).access]
        return bool(self._store.call("redeem", names, str(Subject.person(conversation))))

    @staticmethod
    def looks_like_invite(text: str) -> bool:
        """Whether somebody may well have meant it as a code: those that were cut off, or copied with too much, too."""
        return _LIKE_A_CODE.fullmatch(text) is not None

    def _names_console_users(self) -> bool:
        return any(name.startswith("console:") for name in (*self._settings.owners, *self._settings.admins))


def _lists(subject: Subject) -> str:
    return Keys(subject.surface).access


def _invite(surface: str, code: str) -> str:
    return Keys(surface).of_invite(hashlib.sha256(code.encode()).hexdigest())
