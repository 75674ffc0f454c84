"""Where a conversation is, as far as all platforms agree: a private chat bears the name of the person in it."""

from __future__ import annotations

from dataclasses import replace

from bot.core.messages import Conversation


def is_private(conversation: Conversation) -> bool:
    return conversation.chat == conversation.person


def private(conversation: Conversation) -> Conversation:
    """The same person's private chat."""
    return replace(conversation, chat=conversation.person, thread="0")
