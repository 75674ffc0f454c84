"""One message at a time: sent, edited, taken back. Nothing is asked of Discord that it would certainly refuse."""

from __future__ import annotations

import base64
import hashlib
import io
import time
from collections import Counter
from typing import Any

import discord
import structlog
from discord.abc import Messageable
from discord.http import Route

from bot.adapters.discord.client import Client
from bot.adapters.discord.limits import is_nearly_spent
from bot.adapters.discord.places import Places
from bot.adapters.discord.tokens import Tokens
from bot.adapters.discord.trouble import ARCHIVED, CLOSED_SECONDS, NOT_THERE, Shed, in_deliverys_words, seconds_closed
from bot.adapters.shared.sending import Priority, Rows
from bot.commands import Document
from bot.core.messages import Conversation
from bot.surface import Gone

log = structlog.get_logger()

Place = tuple[str, str]
"""A channel, and a thread in it: what is closed there is closed for everybody's conversation."""
_NUM_CLOSED = 10_000
_NUM_ROWS, _PER_ROW = 5, 5
_MESSAGES = ("POST", "/channels/{channel_id}/messages")
_MESSAGE = ("PATCH", "/channels/{channel_id}/messages/{message_id}")


class Sender:
    """Raises `NotSent` and `Gone` as a surface does; `Shed` for a cosmetic call that was not made."""

    growing: Counter[Place]
    """How many replies are being written in each place. Every one of them will need a call for its final."""

    def __init__(self, client: Client, places: Places, tokens: Tokens) -> None:
        self._client, self._places, self._tokens = client, places, tokens
        self.growing = Counter()
        self._closed: dict[Place, float] = {}
        self._archived: set[Place] = set()

    async def send(
        self,
        where: Conversation,
        text: str,
        keys: Rows = (),
        reply_to: str = "",
        priority: Priority = "durable",
        *,
        quietly: bool = False,
        once: str = "",
    ) -> int:
        """Gives the message's id. One that is named by `once`, Discord takes only the first time.

        Where the bot may not write it still may go on after its answer to a command.
        """
        more: dict[str, Any] = {"suppress_embeds": True, "silent": quietly} | ({"view": view(keys)} if keys else {})
        async with in_deliverys_words(may_repeat=bool(once)):
            try:
                channel = await self._open(where)
                self._spare(priority, where, *_MESSAGES, channel)
                if reply_to.isdecimal() and _may(channel, "read_message_history"):
                    more["reference"] = _reference(channel, int(reply_to))
                message = await self._asking(where, channel.send(text, nonce=_nonce(once), **more))
            except (Gone, discord.Forbidden):
                if (interaction := self._tokens.of(where)) is None:
                    raise
                more.pop("reference", None)
                message = await interaction.followup.send(text, wait=True, **more)
                self._tokens.follow_up(message.id, where)
            if once and message.content != text:  # it was taken before, and has said less then
                await message.edit(content=text, view=view(keys))
            return int(message.id)

    async def edit(self, where: Conversation, id: int, text: str, keys: Rows = (), priority: Priority = "durable") -> bool:
        """False when the message is not there any more."""
        async with in_deliverys_words(may_repeat=True):
            return await self._change(where, id, priority, content=text, view=view(keys))

    async def take_buttons(self, where: Conversation, id: int, priority: Priority) -> None:
        async with in_deliverys_words(may_repeat=True):
            await self._change(where, id, priority, view=None)

    async def delete(self, where: Conversation, id: int) -> None:
        async with in_deliverys_words(may_repeat=True):
            try:
                if (interaction := self._tokens.of(id)) and self._tokens.is_followup(id):
                    await interaction.followup.delete_message(id)
                elif interaction:
                    await interaction.delete_original_response()
                else:
                    await self._asking(where, (await self._message(where, id)).delete())
            except discord.HTTPException as problem:
                if problem.code not in NOT_THERE:
                    raise

    async def typing(self, where: Conversation) -> None:
        await self._asking(where, _once_typing(await self._open(where)))

    async def document(self, where: Conversation, document: Document) -> None:
        async with in_deliverys_words():
            channel = await self._open(where)
            file = discord.File(io.BytesIO(document.content), document.name)
            await self._asking(where, channel.send(file=file))

    async def _change(self, where: Conversation, id: int, priority: Priority, **to: Any) -> bool:
        """By the token of the interaction that made it, while that is valid: not all such messages have another way."""
        try:
            if interaction := self._tokens.of(id):
                if priority == "cosmetic" and self._client.token_limits.is_nearly_spent(interaction.token):
                    raise Shed
                is_followup = self._tokens.is_followup(id)
                await (interaction.followup.edit_message(id, **to) if is_followup else interaction.edit_original_response(**to))
                return True
            channel = await self._open(where)
            self._spare(priority, where, *_MESSAGE, channel)
            await self._asking(where, channel.get_partial_message(id).edit(**to))
            return True
        except discord.HTTPException as problem:
            if problem.code in NOT_THERE:
                return False
            raise

    async def _message(self, where: Conversation, id: int) -> Any:
        return (await self._open(where)).get_partial_message(id)

    async def _open(self, where: Conversation) -> Any:
        """The channel, if the bot may write there as far as is known; an archived thread is taken out of the archive."""
        place = place_of(where)
        if self._closed.get(place, 0.0) > time.monotonic():
            raise Gone
        channel = await self._asking(where, self._places.channel(where))
        if not _may_write(channel):
            self._close(place, CLOSED_SECONDS)
            raise Gone
        if isinstance(channel, discord.Thread) and (channel.archived or place in self._archived):
            await self._asking(where, channel.edit(archived=False))
            self._archived.discard(place)
        return channel

    async def _asking(self, where: Conversation, call: Any) -> Any:
        try:
            return await call
        except discord.HTTPException as problem:
            if seconds := seconds_closed(problem):
                self._close(place_of(where), seconds)
            elif problem.code == ARCHIVED:
                self._archived.add(place_of(where))
            raise

    def _close(self, place: Place, seconds: float) -> None:
        """A while without asking again."""
        log.warning("the bot may not write there", action="closed")
        if len(self._closed) >= _NUM_CLOSED:
            self._closed.clear()
        self._closed[place] = time.monotonic() + seconds

    def _spare(self, priority: Priority, where: Conversation, method: str, path: str, channel: Any) -> None:
        """What only pleases the eye leaves the last calls that Discord allows there for now to the finals."""
        route = Route(method, path, channel_id=channel.id, message_id=0)
        if priority == "cosmetic" and is_nearly_spent(self._client.http, route, max(1, self.growing[place_of(where)])):
            raise Shed


def place_of(where: Conversation) -> Place:
    return where.chat, where.thread


async def _once_typing(channel: Messageable) -> None:
    await channel.typing()


def _may_write(channel: Any) -> bool:
    if isinstance(channel, discord.Thread):
        is_shut = channel.locked and not _may(channel, "manage_threads")
        return not is_shut and _may(channel, "send_messages_in_threads")
    return _may(channel, "send_messages")


def _may(channel: Any, permission: str) -> bool:
    """As far as the cache tells; where it tells nothing, Discord will."""
    guild = getattr(channel, "guild", None)
    if guild is None or guild.me is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return True
    granted = channel.permissions_for(guild.me)
    return bool(granted.view_channel and getattr(granted, permission))


def _reference(channel: Any, id: int) -> discord.MessageReference:
    """The person may have deleted their message meanwhile."""
    guild = getattr(channel, "guild", None)
    return discord.MessageReference(
        message_id=id, channel_id=channel.id, guild_id=guild.id if guild else None, fail_if_not_exists=False
    )


def _nonce(once: str) -> str | None:
    """At most 25 characters."""
    return base64.b32encode(hashlib.blake2b(once.encode(), digest_size=15).digest()).decode() if once else None


class _Keys(discord.ui.View):
    """The library need not remember it: what a button does stands in its own data."""

    def is_dispatchable(self) -> bool:
        return False


def view(keys: Rows) -> discord.ui.View | None:
    if not keys:
        return None
    view = _Keys(timeout=None)
    for number, row in enumerate(keys if len(keys) <= _NUM_ROWS else _full_rows(keys)):
        for key in row:
            view.add_item(discord.ui.Button(label=key.label, custom_id=key.data, row=number))
    return view


def _full_rows(keys: Rows) -> Rows:
    """As many as Discord takes; what is beyond has to be written."""
    all_keys = tuple(key for row in keys for key in row)[: _NUM_ROWS * _PER_ROW]
    return tuple(all_keys[at : at + _PER_ROW] for at in range(0, len(all_keys), _PER_ROW))
