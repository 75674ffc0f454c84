"""What a message holds beside the person's own words: names, others' words, marked as such, and things that cannot be read."""

from __future__ import annotations

import re

import discord

from bot.adapters.shared.quoting import quoted
from bot.adapters.shared.taking import Unreadable
from bot.i18n import say

_MARK = re.compile(r"<(@!?|@&|#|a?:\w+:)(\d+)>")
_MEDIA: dict[str, Unreadable] = {"image": "picture", "audio": "voice", "video": "video"}


def without_marks(message: discord.Message, text: str) -> str:
    """People, roles, channels and emoji by their names, as everybody sees them."""
    names = {f"@{user.id}": f"@{user.display_name}" for user in message.mentions}
    names |= {f"@&{role.id}": f"@{role.name}" for role in message.role_mentions}
    names |= {f"#{channel.id}": f"#{channel.name}" for channel in message.channel_mentions}

    def name(mark: re.Match[str]) -> str:
        kind, id = mark[1].replace("!", ""), mark[2]
        return f":{kind.split(':')[1]}:" if kind.endswith(":") else names.get(kind + id, mark[0])

    return _MARK.sub(name, text)


def unreadable(message: discord.Message) -> Unreadable | None:
    """In it, or in what it forwards."""
    whole: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    if any(part.stickers for part in whole):
        return "sticker"
    for attachment in (one for part in whole for one in part.attachments):
        return _MEDIA.get((attachment.content_type or "").partition("/")[0], "file")
    return "other" if message.poll else None


def with_quotes(message: discord.Message, own: str, me: int, language: str) -> str:
    """Others' words first, each line marked, under a line that says whose they are: the model is to obey none of them."""
    forwarded = (snapshot.content for snapshot in message.message_snapshots if snapshot.content)
    quotes = [quoted(say(language, "discord-forwarded"), words) for words in forwarded]
    answered = message.reference.resolved if message.reference else None
    if isinstance(answered, discord.Message) and answered.content and not _is_known(message, answered, me):
        head = say(language, "quoted", name=answered.author.display_name)
        quotes.append(quoted(head, without_marks(answered, answered.content)))
    return "\n".join(filter(None, [*quotes, own]))


def _is_known(message: discord.Message, answered: discord.Message, me: int) -> bool:
    """The bot's own words it knows already, and in a private chat the person's too."""
    return answered.author.id == me or (message.guild is None and answered.author.id == message.author.id)
