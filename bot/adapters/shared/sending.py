"""What is asked of whatever sends on a platform. `Text` is how a message is written there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from bot.commands import Document
from bot.core.messages import Conversation
from bot.surface import Reply

Priority = Literal["durable", "cosmetic"]
"""What only pleases the eye may be left undone; it then raises whatever it likes."""

Text = TypeVar("Text")
_Text = TypeVar("_Text", contravariant=True)


@dataclass(frozen=True, slots=True)
class Key:
    """A button: what stands on it, and what the platform gives back when it is pressed."""

    label: str
    data: str


Rows = tuple[tuple[Key, ...], ...]


class Sender(Protocol[_Text]):
    """Raises `NotSent` and `Gone` as a surface does; anything else leaves a durable call uncertain. Ids are of messages."""

    async def send(
        self,
        where: Conversation,
        text: _Text,
        keys: Rows = (),
        reply_to: str = "",
        priority: Priority = "durable",
        *,
        quietly: bool = False,
        once: str = "",
    ) -> int:
        """`once` names what is sent: where a platform can, it takes it only the first time, and gives that message."""

    async def edit(self, where: Conversation, id: int, text: _Text, keys: Rows = (), priority: Priority = "durable") -> bool:
        """False when the message is not there any more."""

    async def take_buttons(self, where: Conversation, id: int, priority: Priority) -> None: ...

    async def delete(self, where: Conversation, id: int) -> None:
        """One that is not there any more is fine."""

    async def document(self, where: Conversation, document: Document) -> None: ...


class Form(Protocol[Text]):
    """How words become messages there: each short enough for one."""

    def plain(self, words: str) -> list[Text]:
        """The bot's own words, which are no Markdown."""

    def reply(self, reply: Reply) -> list[Text]:
        """Thought, answer and remarks."""
