"""One message at a time: sent, edited, taken back. What Telegram refuses about its form is sent as plain text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated

from bot.adapters.shared.sending import Priority, Rows
from bot.adapters.telegram.client import Client, in_deliverys_words, says
from bot.adapters.telegram.formatting import Styled
from bot.adapters.telegram.places import Places, thread_of
from bot.commands import Document
from bot.core.messages import Conversation

log = structlog.get_logger()
T = TypeVar("T")

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_PASSING_SECONDS = 5.0
"""What only pleases the eye may not hold up what must arrive for longer."""
_NOT_THERE = ("message to edit not found", "message can't be edited", "message_id_invalid")


class Sender:
    """Raises `NotSent` and `Gone` as a surface does; `Shed` for a cosmetic call that was not made."""

    def __init__(self, client: Client, places: Places) -> None:
        self._client, self._places = client, places

    async def send(
        self,
        where: Conversation,
        text: Styled,
        keys: Rows = (),
        reply_to: str = "",
        priority: Priority = "durable",
        *,
        quietly: bool = False,
        once: str = "",
    ) -> int:
        """Gives the message's id. Telegram knows no `once`."""

        async def call(chat: int, text: Styled) -> int:
            message = await self._client.send_message(
                chat,
                text.text,
                entities=_entities(text),
                reply_markup=_markup(keys),
                reply_parameters=_reply_parameters(reply_to),
                message_thread_id=thread_of(where),
                link_preview_options=_NO_PREVIEW,
                disable_notification=quietly or None,
                rate_limit_args=priority,
            )
            return message.message_id

        async with in_deliverys_words():
            return await self._as_it_can_be(where, call, text)

    async def edit(
        self,
        where: Conversation,
        id: int,
        text: Styled,
        keys: Rows = (),
        priority: Priority = "durable",
    ) -> bool:
        """False when the message is not there any more."""

        async def call(chat: int, text: Styled) -> bool:
            await self._client.edit_message_text(
                text.text,
                chat,
                id,
                entities=_entities(text),
                reply_markup=_markup(keys),
                link_preview_options=_NO_PREVIEW,
                rate_limit_args=priority,
            )
            return True

        async with in_deliverys_words(may_repeat=True):
            try:
                return await self._as_it_can_be(where, call, text)
            except BadRequest as problem:
                return _stays_as_it_is(problem)

    async def take_buttons(self, where: Conversation, id: int, priority: Priority) -> None:
        async with in_deliverys_words(may_repeat=True):
            try:
                await self._there(
                    where, lambda chat: self._client.edit_message_reply_markup(chat, id, rate_limit_args=priority)
                )
            except BadRequest as problem:
                _stays_as_it_is(problem)

    async def delete(self, where: Conversation, id: int) -> None:
        async with in_deliverys_words(may_repeat=True):
            try:
                await self._there(where, lambda chat: self._client.delete_message(chat, id))
            except BadRequest as problem:
                if not says(problem, "message to delete not found", "message can't be deleted", "message_id_invalid"):
                    raise

    async def draft(self, where: Conversation, id: int, text: Styled) -> None:
        """What the person sees while nothing is final; without a text, that the bot thinks."""
        await self._client.send_message_draft(
            self._places.address(where),
            id,
            text.text,
            message_thread_id=thread_of(where),
            entities=_entities(text),
            api_kwargs={"can_stop": True, "keep_on_stop": False},  # Bot API 10.3; older servers pass over it
            read_timeout=_PASSING_SECONDS,
            rate_limit_args="cosmetic",
        )

    async def typing(self, where: Conversation) -> None:
        await self._client.send_chat_action(
            self._places.address(where),
            ChatAction.TYPING,
            message_thread_id=thread_of(where),
            read_timeout=_PASSING_SECONDS,
            rate_limit_args="cosmetic",
        )

    async def document(self, where: Conversation, document: Document) -> None:
        def call(chat: int) -> Awaitable[object]:
            return self._client.send_document(
                chat,
                document.content,
                filename=document.name,
                message_thread_id=thread_of(where),
                write_timeout=120,
                read_timeout=60,
            )

        async with in_deliverys_words():
            await self._there(where, call)

    async def _as_it_can_be(self, where: Conversation, call: Callable[[int, Styled], Awaitable[T]], text: Styled) -> T:
        """Without its marks if those are refused."""
        try:
            return await self._there(where, lambda chat: call(chat, text))
        except BadRequest as problem:
            if not text.marks or not says(problem, "entit", "parse"):
                raise
            log.warning("sent as plain text", action="plain", error=problem.message)
            return await self._there(where, lambda chat: call(chat, Styled(text.text)))

    async def _there(self, where: Conversation, call: Callable[[int], Awaitable[T]]) -> T:
        """In the group's new place if it moved."""
        chat = self._places.address(where)
        try:
            return await call(chat)
        except ChatMigrated as moved:
            await asyncio.to_thread(self._places.learn, chat, moved.new_chat_id)
            return await call(moved.new_chat_id)


def _stays_as_it_is(problem: BadRequest) -> bool:
    """Whether the message reads as it should all the same; false when it is gone. Anything else is raised again."""
    if says(problem, "message is not modified"):
        return True
    if says(problem, *_NOT_THERE):
        return False
    raise problem


def _markup(keys: Rows) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(key.label, callback_data=key.data) for key in row] for row in keys]
    return InlineKeyboardMarkup(rows) if rows else None


def _entities(text: Styled) -> list[MessageEntity] | None:
    return [
        MessageEntity(one.kind, one.start, one.end - one.start, one.url, language=one.language) for one in text.marks
    ] or None


def _reply_parameters(message_id: str) -> ReplyParameters | None:
    """The person may have deleted their message meanwhile."""
    return ReplyParameters(int(message_id), allow_sending_without_reply=True) if message_id.isdecimal() else None
