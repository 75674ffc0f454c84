"""The terminal as a surface: a chat for a person, or lines in and replies out for a pipe."""

from bot.adapters.console.chat import run

__all__ = ["run"]
