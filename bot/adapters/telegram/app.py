"""The adapter as a whole: put together, started, and ended so that nothing which was given is given again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from telegram.error import InvalidToken, TelegramError

from bot.adapters.shared.answering import Answering
from bot.adapters.shared.back_off import BackOff
from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.holding import Hold, Lost
from bot.adapters.shared.pressing import Pressing
from bot.adapters.shared.taking import Taking
from bot.adapters.telegram.client import Client, make_client
from bot.adapters.telegram.governor import Governor
from bot.adapters.telegram.handling import Handling
from bot.adapters.telegram.hearing import Ears
from bot.adapters.telegram.intake import Intake
from bot.adapters.telegram.keeping import TelegramKeeping
from bot.adapters.telegram.menus import publish
from bot.adapters.telegram.places import PLATFORM, Places
from bot.adapters.telegram.polling import Polling
from bot.adapters.telegram.sending import Sender
from bot.adapters.telegram.surface import TelegramSurface
from bot.adapters.telegram.webhook import Webhook
from bot.adapters.telegram.writing import TelegramForm
from bot.core.errors import CompanionError
from bot.core.texts import tell
from bot.delivery import Delivery
from bot.i18n import best
from bot.reception import Reception
from bot.run import Front
from bot.waiting import Waiting

log = structlog.get_logger()

_FINISH_SECONDS = 3.0


class BadToken(CompanionError):
    """Telegram refuses the token."""

    key = "telegram-bad-token"


async def run(front: Front) -> None:
    """Meet people on Telegram until cancelled; while another process has the same bot, wait."""
    token = front.settings.telegram_token
    if token is None:
        raise CompanionError(tell("telegram-no-token"))
    bot_id = token.get_secret_value().partition(":")[0]
    if not bot_id.isdecimal():
        raise BadToken
    hold = Hold(front.store, f"{PLATFORM}:{bot_id}")
    while True:
        try:
            async with hold.held():
                await _live(front, int(bot_id))
        except Lost:
            continue


async def _live(front: Front, bot_id: int) -> None:
    keeping = TelegramKeeping(front.store, f"{PLATFORM}:{bot_id}")
    places = Places(bot_id, keeping)
    await asyncio.to_thread(places.load)
    async with _connected(front, Governor(keeping, front.settings.telegram_calls)) as client:
        await _Parts(front, client, places, keeping).run()


@asynccontextmanager
async def _connected(front: Front, governor: Governor) -> AsyncIterator[Client]:
    """A client that has met Telegram, however long the network takes to come."""
    token = front.settings.telegram_token
    assert token is not None, "asked before"
    client, back_off = (
        make_client(token, front.settings.telegram_url, governor),
        BackOff("cannot reach Telegram; trying again", "start"),
    )
    try:
        while True:
            try:
                await client.initialize()
                break
            except InvalidToken:
                raise BadToken from None  # the library's own words hold the token
            except TelegramError as problem:
                await back_off.wait(problem)
        yield client
    finally:
        await client.shutdown()


class _Parts:
    """Everything that works on one bot account, as long as it is held."""

    def __init__(self, front: Front, client: Client, places: Places, keeping: TelegramKeeping) -> None:
        token = front.settings.telegram_token
        assert token is not None, "asked before"
        self._front, self._client, self._keeping = front, client, keeping
        buttons, form = Buttons(token.get_secret_value(), keeping.keep_choice), TelegramForm()
        sender, name = Sender(client, places), f"@{client.username}"
        surface = self._surface = TelegramSurface(
            places.surface, sender, form, buttons, keeping, lambda: front.settings.telegram_streaming
        )
        self._answering = Answering(front, sender, form, buttons)
        reception = Reception(front)
        pressing = Pressing(front, reception, buttons, keeping, self._answering, surface)
        ears = Ears(client.bot, places, lambda code: best(code, front.settings.language))
        taking = Taking(front, reception, self._answering)
        handling = Handling(front, ears, places, taking, pressing, keeping, name)
        self._updates = _updates(front, client, Intake(client, handling.take, keeping.put_aside))
        self._delivery = Delivery(front.outbox(surface.name), surface, front.language, Waiting(front, surface.name))

    async def run(self) -> None:
        log.info("telegram is on", action="start", bot=self._client.username)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(publish(self._client, self._front, self._keeping))
                tasks.create_task(self._updates.run())
                tasks.create_task(self._delivery.run())
        except BaseExceptionGroup as problems:
            if (told := problems.subgroup(CompanionError)) is not None:
                raise told.exceptions[0] from None  # what the operator can mend is said alone
            raise
        finally:
            self._surface.rest()
            await self._answering.finish(_FINISH_SECONDS)


def _updates(front: Front, client: Client, intake: Intake) -> Polling | Webhook:
    """Fetched, unless there is an address to which Telegram can bring them."""
    settings = front.settings
    if settings.telegram_webhook_url is None:
        return Polling(client, intake)
    return Webhook(client, intake, settings.telegram_webhook_url, settings.telegram_webhook_listen)
