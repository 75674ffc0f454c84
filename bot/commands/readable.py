"""An export for people to read: the same as the JSON beside it, told in their language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.i18n import say


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def as_text(kept: dict[str, Any], language: str) -> str:
    """Of what /export gives."""
    return "\n".join(_lines(kept, language)) + "\n"


def _lines(kept: dict[str, Any], language: str) -> Iterator[str]:
    yield say(language, "export-head", person=kept["person"], name=kept["surface"])
    yield from _values(say(language, "export-choices"), kept["choices"])
    yield from _values(say(language, "export-usage"), kept["usage"])
    yield from _values(say(language, "export-marks"), {name: _mark(value) for name, value in kept["marks"].items()})
    yield from _rows(say(language, "export-lists"), kept["lists"])
    yield from _rows(say(language, "export-log"), [_entry(entry) for entry in kept["admin_log"]])
    if not kept["conversations"]:
        yield say(language, "export-nothing")
    for conversation in kept["conversations"]:
        yield from _conversation(conversation, language)


def _conversation(conversation: dict[str, Any], language: str) -> Iterator[str]:
    yield ""
    where = {"chat": conversation["chat"], "thread": conversation["thread"]}
    yield say(language, "export-shared", **where) if conversation["shared"] else say(language, "export-conversation", **where)
    for turn in conversation["turns"]:
        yield from _turn(turn, language)
    if ids := _messages(conversation):
        yield from ("", say(language, "export-messages", ids=", ".join(ids)))
    yield from _said(say(language, "export-waiting"), conversation["waiting"])
    yield from _said(say(language, "export-put-aside"), conversation["put_aside"])
    yield from _values(say(language, "export-chat-choices"), conversation["chat_choices"])


def _turn(turn: dict[str, Any], language: str) -> Iterator[str]:
    yield ""
    yield from map(_line, turn["lines"])
    reply = turn["reply"] or say(language, "export-answered-several")
    yield f"{moment(turn['at'])} {turn['persona']}: {reply}"
    others = [reply for reply in turn["variants"] if reply != turn["reply"]]
    yield from (say(language, "export-variant", reply=reply) for reply in others)


def _messages(conversation: dict[str, Any]) -> list[str]:
    """Ids of the bot's messages that are still known, once each."""
    shown = conversation["shown"]
    noted = filter(None, [*shown.get("ids", ()), shown.get("wait"), shown.get("buttons")])
    sent = [id for turn in conversation["turns"] for id in turn["reply_message_ids"]]
    return list(dict.fromkeys([*sent, *map(str, noted)]))


def _mark(value: float | str) -> str:
    return moment(value) if isinstance(value, float) else value


def _values(title: str, values: dict[str, str]) -> Iterator[str]:
    yield from _rows(title, [f"{name}: {value}" for name, value in values.items()])


def _rows(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield from ("", title, *(f"    {row}" for row in rows))


def _entry(entry: dict[str, Any]) -> str:
    return " ".join(filter(None, (moment(entry["at"]), entry["who"], entry["what"], entry["whom"], entry["value"])))


def _said(title: str, lines: list[dict[str, Any]]) -> Iterator[str]:
    if lines:
        yield from ("", title, *map(_line, lines))


def _line(line: dict[str, Any]) -> str:
    return f"{moment(line['at'])} {line['author']}: {line['text']}"
