"""The model's Markdown as Telegram shows it: a text, and entities over it. Never `parse_mode`: half a tag is an error there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import count, pairwise
from typing import Any

import pyromark
from telegramify_markdown import convert
from telegramify_markdown.config import RenderConfig
from telegramify_markdown.converter import STANDARD_OPTIONS

_QUOTES = ("blockquote", "expandable_blockquote")
_HOLDERS = ("List", "Item", "BlockQuote")
_ADDRESS = re.compile(
    rb"^(?:[ \t>*+-]|\d+[.)])*\[(?P<name>(?:[^\[\]\\]|\\.)+)\]:[\s>]*(?P<leads><?[a-z][a-z0-9+.-]*:)?",
    re.MULTILINE | re.IGNORECASE,
)
"""A line that to Markdown may be where a link leads; `leads` if that is an address indeed."""

Events = list[Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """One entity: what stands out from `start` to `end`, both in UTF-16 units."""

    kind: str
    start: int
    end: int
    url: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Styled:
    """A text as Telegram takes it."""

    text: str
    marks: tuple[Mark, ...] = ()

    def __add__(self, other: Styled) -> Styled:
        by = utf16_len(self.text)
        moved = (replace(mark, start=mark.start + by, end=mark.end + by) for mark in other.marks)
        return Styled(self.text + other.text, (*self.marks, *moved))


def utf16_len(text: str) -> int:
    """As Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _plain_symbols() -> RenderConfig:
    """Nothing that the model did not write: no pins before headings, no chains before links."""
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    for level in range(1, 7):
        setattr(symbols, f"heading_level_{level}", "")
    symbols.link = symbols.image = ""
    symbols.unordered_list_item = "•"
    return config


_CONFIG = _plain_symbols()


def style(markdown: str) -> Styled:
    """Any text makes sense: what is not Markdown stays as it is, and so does whatever the parser cannot take."""
    whole = markdown.encode("utf-8", "replace").decode()  # half a surrogate pair is nothing that can be sent
    try:
        text, entities = convert(_keep_all(whole), config=_CONFIG)
    except Exception:  # a parser's surprise must not cost the answer
        return Styled(whole.strip())
    end = utf16_len(text.rstrip())
    marks = (Mark(one.type, one.offset, min(one.offset + one.length, end), one.url, one.language) for one in entities)
    return Styled(text.rstrip(), tuple(_nested(mark for mark in marks if mark.start < mark.end)))


def _nested(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Telegram refuses marks that cross: one that goes on behind the end of another in which it began is cut in two there."""
    order = count()
    waiting = [(mark.start, -mark.end, next(order), mark) for mark in marks]
    heapify(waiting)
    ends: list[int] = []
    while waiting:
        mark = heappop(waiting)[-1]
        while ends and ends[-1] <= mark.start:
            ends.pop()
        if ends and mark.end > ends[-1]:
            rest = replace(mark, start=ends[-1])
            heappush(waiting, (rest.start, -rest.end, next(order), rest))
            mark = replace(mark, end=ends[-1])
        ends.append(mark.end)
        yield mark


def quote(text: str) -> Styled:
    """A text as a quote that is folded until somebody opens it."""
    stripped = text.strip()
    return Styled(stripped, (Mark("expandable_blockquote", 0, utf16_len(stripped)),)) if stripped else Styled("")


def _keep_all(markdown: str) -> str:
    """What is markup to Markdown and would vanish is shown as it was written: tags, and addresses that no link uses."""
    while starts := _vanishing(markdown):
        source = markdown.encode()
        bounds = [0, *starts, len(source)]
        markdown = b"\\".join(source[a:b] for a, b in pairwise(bounds)).decode()
    return markdown


def _vanishing(markdown: str) -> list[int]:
    """Where in the bytes of the text such a thing begins."""
    if "<" not in markdown and "]:" not in markdown:
        return []
    source = markdown.encode()
    events = list(pyromark.events_with_range(markdown, options=STANDARD_OPTIONS))
    return sorted({*_tags(source, events), *_addresses(source, events)})


def _tags(source: bytes, events: Events) -> Iterator[int]:
    for event, place in events:
        if isinstance(event, dict) and ("InlineHtml" in event or "Html" in event):
            start = source.find(b"<", place["start"], place["end"])
            if start >= 0:
                yield start


def _addresses(source: bytes, events: Events) -> Iterator[int]:
    """`[1]: https://…` where nothing names `1`, and what only looks like one: `[Anna]: Hello`. Events tell of neither."""
    is_told, used = bytearray(len(source)), set()
    for event, place in events:
        if _is_shown(event):
            is_told[place["start"] : place["end"]] = b"\1" * (place["end"] - place["start"])
        if link := _link(event):
            used.add(_as_named(link["id"]))
    for match in _ADDRESS.finditer(source):
        is_used = match["leads"] and _as_named(match["name"].decode()) in used
        if not is_told[match.start("name") - 1] and not is_used:
            yield match.start("name") - 1


def _is_shown(event: Any) -> bool:
    """Whether all that stands there is: not so in what holds several blocks."""
    [(kind, what)] = event.items() if isinstance(event, dict) else [(event, None)]
    name = next(iter(what)) if isinstance(what, dict) else what
    return kind != "End" and not (kind == "Start" and name in _HOLDERS)


def _link(event: Any) -> dict[str, str] | None:
    start = event.get("Start") if isinstance(event, dict) else None
    return (start.get("Link") or start.get("Image")) if isinstance(start, dict) else None


def _as_named(name: str) -> str:
    return " ".join(name.split()).casefold()
