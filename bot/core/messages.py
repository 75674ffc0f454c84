"""Every value that travels: what came in, what was said, what goes out. Frozen, JSON in and out, no behaviour."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from bot.core.errors import BadConversation
from bot.core.made import make
from bot.core.texts import tell

SCHEMA = 1
_ALL = "all-"
_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")

Thinking = Literal["hide", "show", "off"]
Note = Literal["", "stopped", "cut"]
"""Why an answer is shorter than it might be: the person stopped it, or it reached its limit."""
FailedReason = Literal["edit_too_late", "empty", "nothing_to_retry", "put_aside", "stopped", "timeout", "too_long"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Whose talk, and where. The adapter alone decides what makes one; ids are the platform's, as text."""

    platform: str
    bot: str
    chat: str
    thread: str
    person: str

    def __post_init__(self) -> None:
        # Ids become parts of Redis keys: a brace or a colon in one would reach into another person's keys.
        for part in (self.platform, self.bot, self.chat, self.thread, self.person):
            if not _ID.fullmatch(part):
                raise BadConversation(tell("conversation-part", part=part))

    @property
    def surface(self) -> str:
        """The bot account that owns it; all its keys share this hash tag."""
        return f"{self.platform}:{self.bot}"

    def __str__(self) -> str:
        return ":".join((self.platform, self.bot, self.chat, self.thread, self.person))

    @property
    def shared(self) -> Self:
        """The one talk that everybody in the chat has with the bot, where a chat wants that."""
        return replace(self, person=f"{_ALL}{self.chat}")

    @property
    def is_shared(self) -> bool:
        return self.person.startswith(_ALL)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`; raises `BadConversation`."""
        parts = text.split(":")
        if len(parts) != 5:
            raise BadConversation(tell("conversation-form", name=text))
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a person as it waits in the inbox.

    `retry` asks for the last turn to be answered anew; `edit` too, with `text` in place of the line of that `message_id`.
    `speaker` is who says it, by the platform's id, where the conversation is everybody's; `author` is only a name.
    """

    text: str
    update_id: str
    message_id: str
    author: str
    at: float
    kind: Literal["say", "retry", "edit"] = "say"
    speaker: str = ""

    @property
    def said(self) -> str:
        """As the model reads it: where several speak, behind the name of who does."""
        return f"{self.author}: {self.text}" if self.speaker else self.text


@dataclass(frozen=True, slots=True)
class Incoming:
    """A platform's update, translated: who said what where, and in which language their client is.

    `server` is the platform's id of the community the chat belongs to, where there is such a thing, and `manages` whether
    they run it. A `tentative` edit may only mend a slip: that it is answered anew is offered, not done.
    """

    conversation: Conversation
    line: Line
    language: str | None = None
    server: str | None = None
    tentative: bool = False
    manages: bool = False

    @property
    def own(self) -> Conversation:
        """What is the speaker's alone: limits, lists and commands about themselves go by it."""
        return replace(self.conversation, person=self.line.speaker) if self.line.speaker else self.conversation


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person said (one or more lines) and what was answered, as memory keeps it. Thoughts are not kept.

    `chapter` grows when the person begins a new conversation; the model reads the newest chapter alone. `variants` are
    all replies that were made to these lines, oldest first, once there are several; `reply` is the one that counts.
    """

    id: str
    lines: tuple[Line, ...]
    reply: str
    at: float
    persona: str
    note: Note = ""
    chapter: int = 0
    num_prompt_tokens: int = 0
    num_left_out: int = 0
    num_reply_tokens: int = 0
    variants: tuple[str, ...] = ()

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who said it, where the conversation is everybody's; what was kept before lines knew that has nobody."""
        return tuple(sorted({line.speaker for line in self.lines if line.speaker}))

    @property
    def said(self) -> str:
        """The person's lines as the model reads them: one text."""
        return "\n".join(line.said for line in self.lines)


@dataclass(frozen=True, slots=True)
class Draft:
    """The reply so far, whole; the newest `fence` wins, then the newest `seq`. May be lost.

    `reply_to` is the platform's id of the message that it answers.
    """

    conversation: str
    turn: str
    fence: int
    seq: int
    thinking: bool
    thought: str
    answer: str
    reply_to: str = ""
    kind: Literal["draft"] = "draft"


@dataclass(frozen=True, slots=True)
class Finished:
    """The good end of a turn. `thought` is empty unless the person wants to see thoughts.

    `variant` of `num_variants` replies to the same lines, counted from 1. `trace` is that of the message it answers.
    `speakers` are those of the lines that it answers, where the conversation is everybody's.
    """

    conversation: str
    turn: str
    reply_to: str
    answer: str
    thought: str = ""
    note: Note = ""
    variant: int = 1
    num_variants: int = 1
    trace: str = ""
    speakers: tuple[str, ...] = ()
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class Failed:
    """The other end of a turn: a reason that every language has words for, never an exception's text."""

    conversation: str
    turn: str
    reply_to: str
    reason: FailedReason
    trace: str = ""
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Notice:
    """Not the end of a turn: something the bot tells by itself. `key` is a text of the locales, `values` go into it."""

    conversation: str
    key: str
    values: dict[str, str | int]
    turn: str = ""
    reply_to: str = ""
    trace: str = ""
    kind: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a newer version says, in a way of its own."""

    turn: str = ""


Final = Finished | Failed
Event = Final | Notice
_KINDS: dict[str, type[Any]] = {"draft": Draft, "finished": Finished, "failed": Failed, "notice": Notice}


def new_turn_id() -> str:
    """Unique, and sorted by time of making to the second."""
    return f"{int(time.time()):x}-{secrets.token_hex(6)}"


def dump(value: Line | Turn | Draft | Event) -> bytes:
    """JSON with the schema's number, for a later version to migrate."""
    told = {"v": SCHEMA, **_as_dict(value)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_as_dict).encode()


def _as_dict(value: Any) -> dict[str, Any]:
    """As `asdict`, but without copies of what becomes JSON in a moment."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def load_line(data: bytes) -> Line:
    return make(Line, json.loads(data))


def load_turn(data: bytes) -> Turn:
    fields = json.loads(data)
    lines = tuple(make(Line, line) for line in fields["lines"])
    return make(Turn, {**fields, "lines": lines, "variants": tuple(fields.get("variants", ()))})


def load_event(data: bytes) -> Draft | Event | Unknown:
    fields = json.loads(data)
    if "speakers" in fields:
        fields["speakers"] = tuple(fields["speakers"])
    event: Draft | Event | Unknown = make(_KINDS.get(fields["kind"], Unknown), fields)
    return event
