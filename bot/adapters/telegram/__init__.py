"""Telegram as a surface: private chats and their topics, groups, forums."""

from bot.adapters.telegram.app import run

__all__ = ["run"]
