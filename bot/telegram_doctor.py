"""What Telegram itself says of a token: whose it is. Asked without the chat library, which a host with a GPU lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from bot.core.checks import Check
from bot.core.settings import Settings

TELEGRAM = "https://api.telegram.org"
_SECONDS = 5
_NOT_TELEGRAM = (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError)
"""Nothing there, no HTTP, no JSON, or JSON of another form."""


def telegram_check(settings: Settings) -> Check:
    """For a token of the right form. Neither it nor an address with it is ever told."""
    assert settings.telegram_token is not None, "asked for only where it is set"
    base = (settings.telegram_url or TELEGRAM).rstrip("/").removesuffix("/bot")
    try:
        with urlopen(f"{base}/bot{settings.telegram_token.get_secret_value()}/getMe", timeout=_SECONDS) as answer:  # noqa: S310 (settings allow http alone)
            return _known(json.load(answer)["result"])
    except HTTPError as refusal:
        with refusal:
            return _refused(refusal.code)
    except _NOT_TELEGRAM as problem:
        return Check.told("telegram", False, "doctor-telegram-silent", url=base, problem=type(problem).__name__)


def _known(me: Mapping[str, Any]) -> Check:
    hears = "everything" if me.get("can_read_all_group_messages") else "own"
    return Check.told("telegram", True, "doctor-telegram", name=me["username"], hears=hears)


def _refused(status: int) -> Check:
    if status in (401, 404):
        return Check.told("telegram", False, "doctor-telegram-unknown")
    return Check.told("telegram", False, "doctor-telegram-status", status=status)
