"""What people can tell the bot itself: one table, from which every adapter makes its menu. No worker is needed."""

from __future__ import annotations

from bot.commands import about, admin, channel, choices, own, safety, talk
from bot.commands.ask import Answer, Ask, Choice, Command, Document
from bot.commands.talk import EDITED, edited
from bot.core.messages import Incoming
from bot.i18n import say
from bot.run import Front

__all__ = [
    "EDITED",
    "TABLE",
    "Answer",
    "Ask",
    "Choice",
    "Command",
    "Document",
    "edited",
    "for_platform",
    "menu",
    "parse",
    "run",
]


def _help(front: Front, ask: Ask) -> Answer:
    return about.help(ask, for_platform(ask.conversation.platform, front.access.is_admin(ask.conversation)))


TABLE = (
    Command("start", about.start, argument="[NAME]"),
    Command("help", _help),
    Command("new", talk.new),
    Command("reset", talk.reset),
    Command("persona", choices.persona, argument="[NAME]", suggest=choices.personas),
    Command("think", choices.think, argument="[hide|show|off]", suggest=choices.thinkings),
    Command("memory", own.memory),
    Command("stop", talk.stop),
    Command("retry", talk.retry, argument="[list|NUMBER]"),
    Command("undo", talk.undo),
    Command("edit", talk.edit, argument="TEXT", only="console"),
    Command("language", choices.language, argument="[LANGUAGE]", suggest=choices.tongues),
    Command("privacy", own.privacy),
    Command("export", own.export),
    Command("forget", own.forget),
    Command("stats", own.stats),
    Command("safety", safety.safety),
    Command("about", about.about),
    Command("channel", channel.channel, "[own|shared]", "discord", role="manager", suggest=channel.memories),
    Command("admin", admin.admin, argument="[WHAT]", role="admin"),
    Command("quit", about.quit, only="console", aliases=("exit",)),
)


def for_platform(platform: str, is_admin: bool = False) -> tuple[Command, ...]:
    """Those that somebody there may see."""
    return tuple(command for command in TABLE if command.only in (None, platform) and (is_admin or command.role != "admin"))


def menu(platform: str, language: str, is_admin: bool = False) -> list[tuple[str, str]]:
    """Names and descriptions for a platform's own list of commands, short enough for Telegram and Discord."""
    return [(command.name, say(language, f"command-{command.name}")) for command in for_platform(platform, is_admin)]


def parse(incoming: Incoming, language: str) -> Ask | None:
    """`/name argument` becomes a command; anything else, like a path or a lone slash, is talk; so is an edit."""
    head, argument = (*incoming.line.text.split(maxsplit=1), "", "")[:2]
    name = head[1:].partition("@")[0].lower()
    if incoming.line.kind == "edit" or not head.startswith("/") or not name.isalpha():
        return None
    return Ask(incoming, name, argument.strip(), language)


def run(front: Front, ask: Ask) -> Answer:
    """Do what was asked, or say that there is no such command."""
    for command in for_platform(ask.conversation.platform, is_admin=True):  # who may do it is the command's to say
        if ask.name in (command.name, *command.aliases):
            return command.run(front, ask)
    return Answer(ask.say("unknown-command", name=f"/{ask.name}"))
