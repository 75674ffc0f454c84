"""Discord as a surface: direct messages, channels, threads, and commands of its own."""

from bot.adapters.discord.app import bot_id_of, run
from bot.adapters.discord.inviting import invite_link

__all__ = ["bot_id_of", "invite_link", "run"]
