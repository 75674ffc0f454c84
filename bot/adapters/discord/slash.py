"""The bot's commands as Discord shows them: made from the one table, and published only when something of it changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.adapters.discord.interacting import Interacting
from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.places import PLATFORM
from bot.adapters.discord.threads import begin_thread
from bot.adapters.discord.tokens import Interaction
from bot.commands import Command, for_platform
from bot.core.logs import where
from bot.i18n import best, languages, say
from bot.run import Front

log = structlog.get_logger()

_NUM_SUGGESTED = 25
_DESCRIPTION_CHARS, _NAME_CHARS = 100, 100
_INSTALLS = app_commands.AppInstallationType(guild=True, user=False)
_ANYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
_IN_SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
_PERMISSIONS = {
    "anybody": None,
    "manager": discord.Permissions(manage_guild=True),
    "admin": discord.Permissions(administrator=True),
}
"""To whom Discord shows a command; whoever may use it is asked again at every use."""


class Tree(app_commands.CommandTree[Any]):
    """`language` is for people whose own nobody here speaks."""

    def __init__(self, client: discord.Client, language: str) -> None:
        super().__init__(client)
        self._language = language

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Too late, or lost: the person sees that it failed, and may try again. By itself Discord says so where it had no
        sign at all; else it says for a quarter of an hour that the bot thinks."""
        cause = error.__cause__ or error
        log.warning("a command was not answered", action="command", error=type(cause).__name__)
        if interaction.response.is_done():
            with suppress(discord.DiscordException, aiohttp.ClientError, OSError):
                await self._tell(interaction)

    async def _tell(self, interaction: Interaction) -> None:
        """Unless it has been answered, and only what follows went wrong."""
        interaction._original_response = None  # as it was when the library last asked
        original = await interaction.original_response()
        if original.flags.loading:
            words = say(best(str(interaction.locale), self._language), "discord-failed")
            await interaction.edit_original_response(content=words)


class Translator(app_commands.Translator):
    """Descriptions in the person's language, and what can be done with a message; names of commands are the same in all."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        key, code = string.extras.get("key"), locale.value.partition("-")[0]
        if key is None or code not in languages():
            return None
        return _short(say(code, key, **string.extras.get("values", {})))


def plant(tree: Tree, front: Front, interacting: Interacting) -> None:
    """All commands, /chat, and what can be done with a message."""
    own = front.settings.language
    tree.add_command(_chat(interacting, own))
    tree.add_command(_thread(front, own))
    for command in for_platform(PLATFORM, is_admin=True):
        tree.add_command(_group(command, front, interacting) if command.suggest else _plain(command, interacting, own))
    tree.add_command(
        app_commands.ContextMenu(
            name=_words("discord-report", own),
            callback=_reporter(interacting),
            allowed_installs=_INSTALLS,
            allowed_contexts=_ANYWHERE,
        )
    )


async def publish(tree: Tree, keeping: DiscordKeeping) -> None:
    """A bot whose commands are not published works all the same."""
    try:
        await tree.set_translator(Translator())
        planned = [await command.get_translated_payload(tree, Translator()) for command in tree.get_commands()]
        told = json.dumps([version("discord.py"), planned], sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
        if await asyncio.to_thread(keeping.menu) != digest:
            await tree.sync()
            await asyncio.to_thread(keeping.keep_menu, digest)
    except Exception as problem:  # whatever Discord makes of them
        log.warning("commands not published", action="commands", error=type(problem).__name__, at=where(problem))


def _chat(interacting: Interacting, own: str) -> app_commands.Command[Any, Any, Any]:
    async def chat(interaction: Interaction, message: str) -> None:
        await interacting.chat(interaction, message)

    app_commands.describe(message=_words("discord-chat-message", own))(chat)
    return _command("chat", _words("discord-command-chat", own), chat, None)


def _thread(front: Front, own: str) -> app_commands.Command[Any, Any, Any]:
    async def thread(interaction: Interaction, name: str = "") -> None:
        await begin_thread(front, interaction, name)

    app_commands.describe(name=_words("discord-thread-what", own))(thread)
    made: app_commands.Command[Any, Any, Any] = app_commands.Command(
        name="thread",
        description=_words("discord-command-thread", own),
        callback=thread,
        allowed_installs=_INSTALLS,
        allowed_contexts=_IN_SERVERS,
    )
    made.default_permissions = discord.Permissions(create_public_threads=True)
    return made


def _plain(command: Command, interacting: Interacting, own: str) -> app_commands.Command[Any, Any, Any]:
    name = command.name

    async def without(interaction: Interaction) -> None:
        await interacting.command(interaction, f"/{name}")

    async def with_words(interaction: Interaction, words: str = "") -> None:
        await interacting.command(interaction, f"/{name} {words}".rstrip())

    if command.argument:
        usage = {"usage": command.argument.strip("[]")}
        app_commands.describe(words=_words("discord-words", own, **usage))(with_words)
    callback: Any = with_words if command.argument else without
    return _command(name, _words(f"command-{name}", own), callback, command)


def _group(command: Command, front: Front, interacting: Interacting) -> app_commands.Group:
    """`/persona list` and `/persona set`: what may be set is suggested while one writes."""
    own, name, suggest = front.settings.language, command.name, command.suggest
    assert suggest is not None, "else it is a plain command"

    async def show(interaction: Interaction) -> None:
        await interacting.command(interaction, f"/{name}")

    async def choose(interaction: Interaction, value: str) -> None:
        await interacting.command(interaction, f"/{name} {value}")

    app_commands.describe(value=_words("discord-value", own))(choose)
    description = _words(f"command-{name}", own)
    group = app_commands.Group(name=name, description=description, **_shown(command))
    group.add_command(app_commands.Command(name="list", description=description, callback=show))
    setting: app_commands.Command[Any, Any, Any] = app_commands.Command(
        name="set", description=_words("discord-value", own), callback=choose
    )
    setting.autocomplete("value")(_completer(front, suggest))
    group.add_command(setting)
    return group


def _completer(front: Front, suggest: Callable[[Front, str], dict[str, str]]) -> Any:
    async def complete(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        found = await asyncio.to_thread(suggest, front, best(str(interaction.locale), front.settings.language))
        wish = current.casefold()
        fitting = [(value, label) for value, label in found.items() if wish in value.casefold() or wish in label.casefold()]
        return [app_commands.Choice(name=label[:_NAME_CHARS], value=value) for value, label in fitting[:_NUM_SUGGESTED]]

    return complete


def _reporter(interacting: Interacting) -> Any:
    async def report(interaction: Interaction, message: discord.Message) -> None:
        await interacting.report(interaction, message)

    return report


def _command(name: str, description: Any, callback: Any, command: Command | None) -> app_commands.Command[Any, Any, Any]:
    made: app_commands.Command[Any, Any, Any] = app_commands.Command(
        name=name, description=description, callback=callback, allowed_installs=_INSTALLS, allowed_contexts=_contexts(command)
    )
    made.default_permissions = _PERMISSIONS[command.role] if command else None
    return made


def _shown(command: Command) -> dict[str, Any]:
    return {
        "allowed_installs": _INSTALLS,
        "allowed_contexts": _contexts(command),
        "default_permissions": _PERMISSIONS[command.role],
    }


def _contexts(command: Command | None) -> app_commands.AppCommandContext:
    return _IN_SERVERS if command is not None and command.role == "manager" else _ANYWHERE


def _words(key: str, language: str, **values: str) -> app_commands.locale_str:
    return app_commands.locale_str(_short(say(language, key, **values)), key=key, values=values)


def _short(text: str) -> str:
    return text if len(text) <= _DESCRIPTION_CHARS else f"{text[: _DESCRIPTION_CHARS - 1]}…"
