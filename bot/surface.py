"""What delivery asks of a platform's bot account. Each adapter brings one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.core.errors import CompanionError
from bot.core.messages import Conversation, Draft


class NotSent(CompanionError):
    """The platform has certainly not taken the message; try again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not sent; again in {seconds} s")
        self.seconds = seconds


class Gone(CompanionError):
    """Nobody is there to receive it: blocked, deleted, left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A final in words: what the companion says, its thought if the person wants it, and remarks of the bot itself."""

    text: str
    thought: str = ""
    remarks: tuple[str, ...] = ()
    repeat: str = ""
    """A remark for a message that the person may have already. Where it is known that they have not, it is left out."""
    turn: str = ""
    reply_to: str = ""
    """The platform's id of the message it answers; empty when that is not known any more."""
    variant: int = 1
    num_variants: int = 1
    is_notice: bool = False
    """The bot tells it by itself; it answers nothing."""

    @property
    def all_remarks(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.repeat, *self.remarks)))


class Surface(Protocol):
    """A platform's bot account, as delivery sees it."""

    name: str
    draft_seconds: float
    """Least time between two drafts of one conversation."""

    async def show(self, conversation: Conversation, draft: Draft) -> None:
        """Show the reply so far. May fail or be skipped; a later draft or the final holds everything."""

    async def tell_wait(self, conversation: Conversation, text: str) -> None:
        """Say, or say anew in the same place, why there is no reply yet; it goes when the reply comes. May be skipped: it is
        asked again for the same, of which nothing is seen where it stands already."""

    async def deliver(self, conversation: Conversation, reply: Reply) -> list[str]:
        """Send a final; gives the ids of its messages. Raises `NotSent` or `Gone`; anything else leaves it uncertain."""
