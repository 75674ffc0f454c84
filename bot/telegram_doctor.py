"""What Telegram itself says of a token: whose it is. Asked without the chat library, which a host with a GPU lacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from bot.core.checks import Check
from bot.core.settings import PREFIX, Settings

TELEGRAM = "https://api.telegram.org"
_SECONDS = 5
_NAME = "telegram"


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
    except (OSError, ValueError, KeyError) as problem:
        fix = f"look at the network, at HTTPS_PROXY and {PREFIX}TELEGRAM_URL; the adapter goes on trying"
        return Check(_NAME, False, f"{base} does not answer ({type(problem).__name__})", fix)


def _known(me: Mapping[str, Any]) -> Check:
    hears = "everything" if me.get("can_read_all_group_messages") else "only what is for it"
    return Check(_NAME, True, f"the token is that of @{me['username']}, which gets {hears} in groups")


def _refused(status: int) -> Check:
    if status in (401, 404):
        return Check(_NAME, False, "Telegram does not know the token", "copy it again from @BotFather: /mybots, API Token")
    return Check(_NAME, False, f"Telegram answers with status {status}", "try again in a while")
