"""What Telegram shows of the bot by itself: its commands by scope and language, and what it says about itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import structlog
from redis.exceptions import RedisError
from telegram import BotCommandScope, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, BotCommandScopeChat
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.adapters.shared.back_off import BackOff
from bot.adapters.telegram.client import Client
from bot.adapters.telegram.hearing import ASK
from bot.adapters.telegram.keeping import TelegramKeeping
from bot.adapters.telegram.places import PLATFORM
from bot.commands import menu
from bot.i18n import languages, say
from bot.run import Front

log = structlog.get_logger()

_DESCRIPTION_CHARS = 256
_ADMINS_PREFIX = f"{PLATFORM}:"
_NOT_IN_GROUPS = ("start",)

Commands = list[tuple[str, str]]


async def publish(client: Client, front: Front, keeping: TelegramKeeping) -> None:
    """Once, and again when something of it changed. A bot without menus works all the same."""
    back_off = BackOff("menus not published; trying again", "menus")
    while True:
        try:
            await _publish(client, front, keeping)
            return
        except BadRequest as problem:
            log.error("Telegram refuses the menus", action="menus", error=problem.message)
            return
        except RetryAfter as refusal:
            await back_off.wait(refusal, refusal._retry_after.total_seconds())
        except (TelegramError, RedisError) as problem:
            await back_off.wait(problem)


async def _publish(client: Client, front: Front, keeping: TelegramKeeping) -> None:
    planned = list(_plan(front))
    digest = hashlib.blake2b(json.dumps(planned, ensure_ascii=False).encode(), digest_size=16).hexdigest()
    admins = [str(admin) for admin in _admins(front)]
    published, *had_menus = (await asyncio.to_thread(keeping.menu)).split() or [""]
    if published == digest:
        return
    for scope, language, commands in planned:
        await _set(client, scope, language, commands)
    for admin in set(had_menus) - set(admins):
        for language in ("", *languages()):
            await client.delete_my_commands(BotCommandScopeChat(int(admin)), language or None)
    for language in ("", *languages()):
        await _describe(client, language, front.settings.language)
    await asyncio.to_thread(keeping.keep_menu, " ".join([digest, *admins]))


def _plan(front: Front) -> Iterator[tuple[Any, str, Commands]]:
    """Scope, language, commands. Without a language stands the installation's own, for everybody else's."""
    for code in ("", *languages()):
        language = code or front.settings.language
        everybody = menu(PLATFORM, language)
        yield "private", code, everybody
        in_groups = [(name, what) for name, what in everybody if name not in _NOT_IN_GROUPS]
        yield "groups", code, [(ASK, say(language, "telegram-command-ask")), *in_groups]
        for admin in _admins(front):
            yield admin, code, menu(PLATFORM, language, is_admin=True)


def _admins(front: Front) -> list[int]:
    names = {*front.settings.owners, *front.settings.admins}
    ids = (name.removeprefix(_ADMINS_PREFIX) for name in sorted(names) if name.startswith(_ADMINS_PREFIX))
    return [int(id) for id in ids if id.isdecimal()]


async def _set(client: Client, scope: Any, language: str, commands: Commands) -> None:
    try:
        short = [(name, what[:_DESCRIPTION_CHARS]) for name, what in commands]
        await client.set_my_commands(short, scope=_scope(scope), language_code=language or None)
    except BadRequest as problem:
        if not isinstance(scope, int):
            raise
        # An admin who has never written to the bot is no chat that it knows.
        log.info("no menu for an admin yet", action="menus", error=str(problem))


def _scope(scope: Any) -> BotCommandScope:
    if isinstance(scope, int):
        return BotCommandScopeChat(scope)
    return BotCommandScopeAllPrivateChats() if scope == "private" else BotCommandScopeAllGroupChats()


async def _describe(client: Client, code: str, own: str) -> None:
    language = code or own
    await client.set_my_description(say(language, "telegram-description"), language_code=code or None)
    await client.set_my_short_description(say(language, "telegram-short-description"), language_code=code or None)
