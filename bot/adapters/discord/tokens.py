"""Interactions that are still open: for a while Discord lets their answer be changed by their token, and only by it."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

import discord

Interaction = discord.Interaction[Any]

VALID_SECONDS = 14 * 60.0
"""Discord says fifteen minutes; nothing is begun that may end too late."""
_NUM_KEPT = 10_000


class Tokens:
    """By the message that answers the interaction, or holds the button that was pressed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Interaction, float]] = OrderedDict()

    def keep(self, message_id: int, interaction: Interaction) -> None:
        self._kept[message_id] = interaction, time.monotonic() + VALID_SECONDS
        if len(self._kept) > _NUM_KEPT:
            self._kept.popitem(last=False)

    def of(self, message_id: int) -> Interaction | None:
        interaction, until = self._kept.get(message_id, (None, 0.0))
        return interaction if until > time.monotonic() else None
