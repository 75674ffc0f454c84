"""What an update means: who speaks to the bot, and what they say or do. Everything else is none of its business."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telegram import CallbackQuery, Chat, ChatMemberUpdated, Message, MessageEntity, Update, User
from telegram.constants import ChatMemberStatus, ChatType

from bot.adapters.shared.pressing import Pressed
from bot.adapters.shared.taking import Said, Unreadable
from bot.adapters.telegram.places import Places
from bot.adapters.telegram.quoting import plain_words, unreadable, with_quotes
from bot.commands import TABLE
from bot.core.messages import Conversation, Incoming, Line

KINDS = ("message", "edited_message", "callback_query", "my_chat_member", "stopped_message_generation")
ASK = "ask"
_TOAST_CHARS = 200
_ANONYMOUS_ADMIN = 1087968824
_HERE = (ChatMemberStatus.MEMBER, ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.RESTRICTED)
_NAMES = {name for command in TABLE for name in (command.name, *command.aliases)}


@dataclass(frozen=True, slots=True)
class Sent(Said):
    """A message to the bot, and the album to which it belongs."""

    album: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message to the bot by somebody who hides who they are."""

    where: Conversation
    language: str | None
    message_id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A group became a supergroup."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Left:
    """The bot was blocked by a person, or put out of a group."""

    where: Conversation


@dataclass(frozen=True, slots=True)
class Joined:
    """The bot was taken into a group."""

    where: Conversation
    language: str | None


@dataclass(frozen=True, slots=True)
class Halted:
    """Telegram's own Stop, under a draft: as good as the command."""

    incoming: Incoming


Heard = Sent | Unknown | Pressed | Moved | Left | Joined | Halted


class Ears:
    """`me` is the bot's own account; `language` gives the language of what is added to a person's words."""

    def __init__(self, me: User, places: Places, language: Callable[[str | None], str]) -> None:
        self._me, self._places, self._language = me, places, language
        self._name = f"@{me.username}".lower()

    def hear(self, update: Update) -> Heard | None:
        if update.callback_query is not None:
            return self._pressed(update.callback_query, str(update.update_id))
        if update.my_chat_member is not None:
            return self._membership(update.my_chat_member)
        if (stopped := update.api_kwargs.get("stopped_message_generation")) is not None:
            return self._halted(stopped, str(update.update_id))
        message = update.message or update.edited_message
        return self._message(message, update.update_id, is_edit=update.message is None) if message else None

    def _halted(self, stopped: dict[str, Any], update_id: str) -> Halted:
        """Only private chats have drafts, and these bear the name of the person."""
        chat = int(stopped["chat"]["id"])
        where = self._places.conversation(chat, int(stopped.get("message_thread_id", 0)), chat)
        return Halted(Incoming(where, Line("/stop", update_id, f"s{update_id}", "", time.time())))

    def _message(self, message: Message, update_id: int, *, is_edit: bool) -> Heard | None:
        if message.migrate_to_chat_id:
            return Moved(message.chat.id, message.migrate_to_chat_id)
        if message.migrate_from_chat_id:
            return Moved(message.migrate_from_chat_id, message.chat.id)
        user, command = message.from_user, _command(message)
        if user is None or _is_nobody(message, user) or not self._is_to_me(message, command):
            return None
        if message.sender_chat is not None:
            where = self._places.conversation(message.chat.id, _thread(message), message.sender_chat.id)
            return None if is_edit else Unknown(where, user.language_code, str(message.message_id))
        if is_edit and command is not None and command[0] != ASK:
            return None  # a command counts as it was given
        return self._said(message, user, update_id, command, is_edit)

    def _said(
        self, message: Message, user: User, update_id: int, command: tuple[str, str] | None, is_edit: bool
    ) -> Sent | None:
        text = self._words(message, user, command)
        cannot = unreadable(message) or self._nothing(message, text, command)
        if not text and (cannot is None or is_edit):
            return None
        line = Line(
            text,
            str(update_id),
            str(message.message_id),
            user.first_name,
            (message.edit_date or message.date).timestamp(),
            "edit" if is_edit else "say",
        )
        where = self._places.conversation(message.chat.id, _thread(message), user.id)
        return Sent(Incoming(where, line, user.language_code, tentative=is_edit), cannot, message.media_group_id or "")

    def _nothing(self, message: Message, text: str, command: tuple[str, str] | None) -> Unreadable | None:
        """Whether the bot was named, and no more."""
        return "nothing" if not text and (command is not None or self._mentions(message)) else None

    def _words(self, message: Message, user: User, command: tuple[str, str] | None) -> str:
        """A command as it stands; else what the model is to read."""
        if command is not None and command[0] != ASK:
            return plain_words(message)
        own = _without(plain_words(message), [*self._mentions(message), *([_head(message)] if command else [])])
        return with_quotes(message, own, self._me.id, self._language(user.language_code))

    def _is_to_me(self, message: Message, command: tuple[str, str] | None) -> bool:
        """In a group by name, by a reply, or by a command; one that names another bot is that bot's."""
        if command is not None and (command[1] and command[1] != self._name):
            return False
        if message.chat.type == ChatType.PRIVATE:
            return True
        if command is not None:
            return command[1] == self._name or command[0] in (*_NAMES, ASK)
        answered = message.reply_to_message
        is_reply = answered is not None and answered.from_user is not None and answered.from_user.id == self._me.id
        is_topic = answered is not None and answered.forum_topic_created is not None  # what stands at the head of a topic
        return (is_reply and not is_topic) or bool(self._mentions(message))

    def _mentions(self, message: Message) -> list[tuple[MessageEntity, str]]:
        """Where the bot is named, by its name in any case or by its account."""
        found = _entities(message, MessageEntity.MENTION, MessageEntity.TEXT_MENTION)
        return [
            (entity, text)
            for entity, text in found
            if (entity.user.id == self._me.id if entity.user else text.lower() == self._name)
        ]

    def _pressed(self, query: CallbackQuery, update_id: str) -> Pressed | None:
        message, user = query.message, query.from_user
        if message is None or query.data is None:
            return None
        thread = _thread(message) if isinstance(message, Message) else 0
        where = self._places.conversation(message.chat.id, thread, user.id)

        async def tell(words: str) -> None:
            await query.answer(words[:_TOAST_CHARS] or None)

        return Pressed(where, query.data, message.message_id, update_id, user.first_name, user.language_code, tell)

    def _membership(self, change: ChatMemberUpdated) -> Heard | None:
        was, is_now = (member.status in _HERE for member in (change.old_chat_member, change.new_chat_member))
        where = self._places.conversation(change.chat.id, 0, change.from_user.id)
        if not is_now:
            return Left(where)
        if was or change.chat.type not in (Chat.GROUP, Chat.SUPERGROUP):
            return None
        return Joined(where, change.from_user.language_code)


def _is_nobody(message: Message, user: User) -> bool:
    """Channels, other bots, and what was written by way of one: answering them may never end."""
    is_hidden = user.id == _ANONYMOUS_ADMIN or message.sender_chat is not None
    is_bot = user.is_bot and not is_hidden
    return is_bot or bool(message.via_bot or message.is_automatic_forward) or message.chat.type == ChatType.CHANNEL


def _thread(message: Message) -> int:
    """A topic's number. Threads of replies in ordinary groups have one too, and are no topics."""
    return message.message_thread_id or 0 if message.is_topic_message else 0


def _command(message: Message) -> tuple[str, str] | None:
    """Name and, where it is given, `@bot`, both in small letters. What was forwarded commands nothing."""
    head = _head(message)
    if head is None or message.forward_origin is not None:
        return None
    name, at, bot = head[1][1:].lower().partition("@")
    return name, at + bot


def _head(message: Message) -> tuple[MessageEntity, str] | None:
    commands = _entities(message, MessageEntity.BOT_COMMAND)
    return next(((entity, text) for entity, text in commands if entity.offset == 0), None)


def _entities(message: Message, *kinds: str) -> list[tuple[MessageEntity, str]]:
    if message.text is not None:
        return list(message.parse_entities(list(kinds)).items())
    return list(message.parse_caption_entities(list(kinds)).items()) if message.caption is not None else []


def _without(text: str, pieces: list[tuple[MessageEntity, str] | None]) -> str:
    """The text without what only says to whom it is. Places are in UTF-16 units."""
    encoded = text.encode("utf-16-le")
    for entity, _ in sorted(filter(None, pieces), key=lambda piece: -piece[0].offset):
        start, end = entity.offset * 2, (entity.offset + entity.length) * 2
        encoded = encoded[:start].removesuffix(" ".encode("utf-16-le") if encoded[end:] else b"") + encoded[end:]
    return encoded.decode("utf-16-le", "replace").strip(" ,:\n")
