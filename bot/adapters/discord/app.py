"""The adapter as a whole: put together, started, started anew when the connection ends, and ended."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress

import aiohttp
import discord
import structlog
from pydantic import SecretStr

from bot.adapters.discord.catching_up import CatchingUp
from bot.adapters.discord.client import Client, use_server
from bot.adapters.discord.handling import Handling
from bot.adapters.discord.hearing import Ears
from bot.adapters.discord.interacting import Interacting
from bot.adapters.discord.introductions import Introductions
from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.discord.leaving import Leaving
from bot.adapters.discord.places import PLATFORM, Places
from bot.adapters.discord.sending import Sender
from bot.adapters.discord.sharing import Sharing
from bot.adapters.discord.slash import Tree, plant, publish
from bot.adapters.discord.surface import DiscordSurface
from bot.adapters.discord.tokens import Tokens
from bot.adapters.discord.writing import DiscordForm
from bot.adapters.shared.answering import Answering
from bot.adapters.shared.back_off import BackOff
from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.holding import Hold, Lost
from bot.adapters.shared.pressing import Pressing
from bot.adapters.shared.taking import Taking
from bot.core.errors import CompanionError
from bot.core.logs import where
from bot.core.texts import tell
from bot.delivery import Delivery
from bot.reception import Reception
from bot.run import Front
from bot.waiting import Waiting

log = structlog.get_logger()

_FINISH_SECONDS = 3.0
_STEADY_SECONDS = 60.0


class BadToken(CompanionError):
    """Discord refuses the token."""

    key = "discord-bad-token"


class IntentRefused(CompanionError):
    """The application does not have the privileged intent that the settings ask for."""

    key = "discord-no-intent"


async def run(front: Front) -> None:
    """Meet people on Discord until cancelled; while another process has the same bot, wait."""
    token = front.settings.discord_token
    if token is None:
        raise CompanionError(tell("discord-no-token"))
    bot_id = bot_id_of(token)
    if front.settings.discord_url:
        use_server(front.settings.discord_url)
    hold = Hold(front.store, f"{PLATFORM}:{bot_id}")
    while True:
        try:
            async with hold.held():
                await _live(front, bot_id, token)
        except Lost:
            continue


def bot_id_of(token: SecretStr) -> int:
    """Which stands in the token's first part; raises `BadToken`."""
    head = token.get_secret_value().partition(".")[0]
    try:
        return int(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error):
        raise BadToken from None


async def _live(front: Front, bot_id: int, token: SecretStr) -> None:
    """One client after the other: none outlives an end that the library knows no way back from."""
    back_off = BackOff("the connection to Discord ended; starting anew", "start")
    loop = asyncio.get_running_loop()
    while True:
        started_at = loop.time()
        try:
            await _Parts(front, bot_id, token).run()
            problem: Exception = ConnectionError("closed")
        except discord.LoginFailure:
            raise BadToken from None  # the library's own words may hold the token
        except discord.PrivilegedIntentsRequired:
            raise IntentRefused from None
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as ended:
            problem = ended
        except Exception as ended:  # what the library did not foresee
            log.error("the connection broke", action="odd", error=type(ended).__name__, at=where(ended))
            problem = RuntimeError(type(ended).__name__)
        if loop.time() > started_at + _STEADY_SECONDS:
            back_off.reset()
        await back_off.wait(problem)


class _Parts:
    """Everything that works on one connection."""

    def __init__(self, front: Front, bot_id: int, token: SecretStr) -> None:
        settings, self._front, self._token = front.settings, front, token
        self._keeping = keeping = DiscordKeeping(front.store, f"{PLATFORM}:{bot_id}")
        introductions = Introductions(keeping)
        self._client = client = Client(introductions, keeping.put_aside, reads_all=settings.discord_message_content)
        places, tokens, form = Places(bot_id, client), Tokens(), DiscordForm()
        buttons, sender = Buttons(token.get_secret_value(), keeping.keep_choice), Sender(client, places, tokens)
        surface = DiscordSurface(places.surface, sender, form, buttons, keeping, lambda: front.settings.discord_streaming)
        reception, sharing = Reception(front), Sharing(front, keeping)
        self._answering = answering = Answering(front, sender, form, buttons)
        pressing = Pressing(front, reception, buttons, keeping, answering, surface)
        interacting = Interacting(front, reception, places, sharing, buttons, form, tokens, surface, pressing)
        ears = Ears(bot_id, places, lambda: front.settings.discord_names, lambda: front.settings.language)
        taking = Taking(front, reception, answering)
        leaving = Leaving(front, places, taking, keeping)
        handling = Handling(front, ears, sharing, taking, interacting, surface, keeping, leaving)
        handling.catch_up = CatchingUp(places, keeping, handling.message, settings.age_hours * 3600).run
        client.events = handling
        self._tree = Tree(client, settings.language)
        plant(self._tree, front, interacting)
        self._delivery = Delivery(front.outbox(surface.name), surface, front.language, Waiting(front, surface.name))

    async def run(self) -> None:
        beside = asyncio.create_task(self._beside())
        try:
            await self._meet()
            connection = asyncio.create_task(self._client.connect())
            ended, _ = await asyncio.wait({connection, beside}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await self._end(beside)

    async def _meet(self) -> None:
        await self._client.login(self._token.get_secret_value())
        _, gateway, limits = await self._client.http.get_bot_gateway()
        if self._front.settings.discord_url:
            use_server(self._front.settings.discord_url, gateway)
        if limits["remaining"] <= self._keep_back(limits["total"]):
            seconds = limits["reset_after"] / 1000
            log.error("nearly no new sessions are left for today: waiting", action="identify", seconds=seconds)
            await asyncio.sleep(seconds)

    def _keep_back(self, total: int) -> int:
        """So many introductions are left to whoever has to mend something."""
        return total // 20

    async def _beside(self) -> None:
        """What is due once there is a connection, and for as long as there is one."""
        await self._client.wait_until_ready()
        log.info("discord is on", action="start", bot=str(self._client.user))
        await publish(self._tree, self._keeping)
        await self._delivery.run()

    async def _end(self, beside: asyncio.Task[None]) -> None:
        """First what is being said, then the line on which it is said."""
        beside.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await beside
        await self._answering.finish(_FINISH_SECONDS)
        await self._client.close()
