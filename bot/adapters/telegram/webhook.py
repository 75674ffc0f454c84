"""Updates that Telegram brings by itself: told that we have one only when it has been taken, else it comes again.

Telegram brings the updates of a chat one after the other, so their order needs no care here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from redis.exceptions import RedisError
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.adapters.shared.back_off import BackOff
from bot.adapters.telegram.client import Client
from bot.adapters.telegram.hearing import KINDS
from bot.adapters.telegram.intake import Intake
from bot.core.errors import CompanionError
from bot.core.texts import tell

log = structlog.get_logger()

_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_MAX_BYTES = 1024**2
"""Telegram's own updates have a few kilobytes."""
_NUM_CONNECTIONS = 40


class BadWebhook(CompanionError):
    """The webhook cannot be set up."""


class Webhook:
    """Listens on `listen`, `HOST:PORT`, for what Telegram sends to `url`. The secret between them comes from the token."""

    def __init__(self, client: Client, intake: Intake, url: str, listen: str) -> None:
        self._client, self._intake, self._url, self._listen = client, intake, url, listen
        self._secret = hashlib.blake2b(client.token.encode(), person=b"webhook", digest_size=32).hexdigest()

    async def run(self) -> None:
        async with self._listening():
            await self._register()
            await asyncio.Event().wait()

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=_MAX_BYTES)
        app.router.add_post("/{path:.*}", self._answer)  # a proxy may have taken off any part of the path
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        host, _, port = self._listen.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
            yield
        except OSError as problem:
            why = problem.strerror or "?"
            raise BadWebhook(tell("telegram-cannot-listen", address=self._listen, problem=why)) from None
        finally:
            await runner.cleanup()

    async def _register(self) -> None:
        back_off = BackOff("cannot set the webhook; trying again", "webhook")
        while True:
            try:
                await self._client.set_webhook(
                    self._url, max_connections=_NUM_CONNECTIONS, allowed_updates=KINDS, secret_token=self._secret
                )
                return
            except BadRequest as problem:
                raise BadWebhook(tell("telegram-no-webhook", problem=problem.message)) from None
            except RetryAfter as refusal:
                await back_off.wait(refusal, refusal._retry_after.total_seconds())
            except TelegramError as problem:
                await back_off.wait(problem)

    async def _answer(self, request: web.Request) -> web.Response:
        """Who does not know the secret gets nothing read, and learns nothing."""
        if not hmac.compare_digest(request.headers.get(_HEADER, "").encode(errors="replace"), self._secret.encode()):
            return web.Response(status=404)
        try:
            raw = await request.json()
        except ValueError:
            return web.Response(status=400)
        if not isinstance(raw, dict):
            return web.Response(status=400)
        try:
            await self._intake.take(raw)
        except RedisError as problem:
            log.warning("an update could not be kept; Telegram brings it again", action="webhook", error=str(problem))
            return web.Response(status=503)
        return web.Response()
