"""Interactions that are still open: for a while Discord lets their answer be changed by their token, and only by it."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

import discord

from bot.core.messages import Conversation

Interaction = discord.Interaction[Any]

VALID_SECONDS = 14 * 60.0
"""Discord says fifteen minutes; nothing is begun that may end too late."""
_NUM_KEPT = 10_000


class Tokens:
    """By the message that answers the interaction or holds the button that was pressed, and by the talk that was asked in."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int | Conversation, tuple[Interaction, float]] = OrderedDict()
        self._followups: set[int] = set()

    def keep(self, at: int | Conversation, interaction: Interaction) -> None:
        self._followups.difference_update({at})  # what goes on after one interaction is what the next was pressed in
        self._keep(at, interaction, time.monotonic() + VALID_SECONDS)

    def follow_up(self, id: int, where: Conversation) -> None:
        """A message that goes on after the answer in this talk; it lasts no longer."""
        self._followups.add(id)
        self._keep(id, *self._kept[where])

    def of(self, at: int | Conversation) -> Interaction | None:
        interaction, until = self._kept.get(at, (None, 0.0))
        return interaction if until > time.monotonic() else None

    def is_followup(self, id: int) -> bool:
        return id in self._followups

    def _keep(self, at: int | Conversation, interaction: Interaction, until: float) -> None:
        self._kept[at] = interaction, until
        if len(self._kept) > _NUM_KEPT:
            oldest, _ = self._kept.popitem(last=False)
            self._followups.difference_update({oldest})
