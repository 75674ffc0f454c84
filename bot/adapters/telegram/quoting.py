"""What a message holds beside the person's own words: others' words, marked as such, and things that cannot be read."""

from __future__ import annotations

from telegram import (
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from bot.adapters.shared.quoting import quoted
from bot.adapters.shared.taking import Unreadable
from bot.i18n import say

_KINDS: dict[str, Unreadable] = {
    "sticker": "sticker",
    "voice": "voice",
    "audio": "voice",
    "video_note": "video",
    "photo": "picture",
    "animation": "video",  # comes with a document of the same
    "video": "video",
    "document": "file",
}
_ALSO = ("location", "contact", "poll", "dice", "game", "story", "paid_media", "checklist")


def plain_words(message: Message) -> str:
    return message.text or message.caption or ""


def unreadable(message: Message) -> Unreadable | None:
    for name, kind in _KINDS.items():
        if getattr(message, name):
            return kind
    is_other = any(getattr(message, name, None) for name in _ALSO) or "rich_message" in message.api_kwargs
    return "other" if is_other else None


def with_quotes(message: Message, own: str, me: int, language: str) -> str:
    """Others' words first, each line marked, under a line that says whose they are: the model is to obey none of them."""
    if message.forward_origin is not None:
        return quoted(say(language, "telegram-forwarded", name=_origin(message.forward_origin)), own) if own else ""
    answered = _answered(message, me)
    if not answered:
        return own
    whose = _whose(message, me, language)
    return "\n".join(filter(None, [quoted(whose, answered), own]))


def _answered(message: Message, me: int) -> str:
    """What the message replies to. The bot's own words it knows already, unless a part of them was chosen."""
    if message.quote is not None and message.quote.is_manual:
        return message.quote.text
    if message.external_reply is not None:
        return message.quote.text if message.quote else ""
    answered = message.reply_to_message
    if answered is None or answered.forum_topic_created is not None:
        return ""
    is_mine = answered.from_user is not None and answered.from_user.id == me
    return "" if is_mine or _is_own(message, answered) else plain_words(answered)


def _is_own(message: Message, answered: Message) -> bool:
    """Their own earlier message in a private chat, which is remembered."""
    return message.chat.type == message.chat.PRIVATE and answered.from_user == message.from_user


def _whose(message: Message, me: int, language: str) -> str:
    if message.external_reply is not None:
        return say(language, "quoted", name=_origin(message.external_reply.origin))
    answered = message.reply_to_message
    if answered is None or answered.from_user is None:
        return say(language, "quoted", name="?")
    if answered.from_user.id == me:
        return say(language, "quoted-you")
    return say(language, "quoted", name=answered.from_user.first_name)


def _origin(origin: MessageOrigin) -> str:
    if isinstance(origin, MessageOriginUser):
        return origin.sender_user.first_name
    if isinstance(origin, MessageOriginHiddenUser):
        return origin.sender_user_name
    if isinstance(origin, MessageOriginChat):
        return origin.sender_chat.title or "?"
    return (origin.chat.title or "?") if isinstance(origin, MessageOriginChannel) else "?"
