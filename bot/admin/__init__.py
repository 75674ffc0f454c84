"""The operator's commands of `companion`: what /admin does in a chat, and what is done in the shell alone."""

from __future__ import annotations

from bot.admin.dead import dead
from bot.admin.group import admin
from bot.admin.own import export, forget
from bot.admin.store import backup, conversations, restore

__all__ = ["admin", "export", "forget"]

for command in (backup, conversations, dead, restore):
    admin.add_command(command)
