"""What can go wrong with a server, in words for who runs the service. Nothing here shows a key, or what people wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from workers.texts import advise, language, say

MAX_WAIT_SECONDS = 60.0
_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|maximum.{0,20}(length|tokens)|too (long|many tokens)", re.IGNORECASE
)


@dataclass
class ServerProblem(Exception):
    """`again`: the same server may do better soon. `elsewhere`: another one may. `words` are the server's own, for who probes.

    `refuses`: it is this request that cannot be answered. `wait` is how long the server asks to be left alone.
    """

    key: str
    values: dict[str, str | int] = field(default_factory=dict)
    again: bool = False
    elsewhere: bool = True
    refuses: bool = False
    wait: float = 0.0
    words: str = ""

    def __str__(self) -> str:
        what, advice = self.parts(language())
        return f"{what} → {advice}" if advice else what

    def parts(self, language: str) -> tuple[str, str]:
        """What is wrong, and what to type."""
        return say(language, self.key, **self.values), advise(language, self.key, **self.values)

    def at(self, place: str) -> ServerProblem:
        """The same, with the server's name."""
        self.values = {"url": place, **self.values}
        return self


def of_status(status: int, headers: Mapping[str, str], body: bytes, model: str) -> ServerProblem:
    """What an answer other than 200 means."""
    if is_web_page(headers, body):
        return ServerProblem("openai-web-page", {"status": status})
    words = words_of(body)
    if status in (401, 403):
        return ServerProblem("openai-key", {"status": status}, words=words)
    if 300 <= status < 400:
        return ServerProblem("openai-redirect", {"status": status})
    if status == 404:
        return _not_found(words, model)
    if status == 429:
        wait = wait_of(headers)
        return ServerProblem("openai-busy", {"seconds": round(wait)}, again=True, wait=wait, words=words)
    if status in (408, 409, 425) or status >= 500:
        return ServerProblem("openai-broken", {"status": status}, again=True, wait=wait_of(headers), words=words)
    return _refusal(status, words, model)


def _not_found(words: str, model: str) -> ServerProblem:
    if re.search(r"model", words, re.IGNORECASE):
        return ServerProblem("openai-no-model", {"model": model, "names": "?"}, words=words)
    return ServerProblem("openai-no-path", {"status": 404}, words=words)


def _refusal(status: int, words: str, model: str) -> ServerProblem:
    if status == 413 or _TOO_LONG.search(words):
        return ServerProblem("openai-too-long", refuses=True, elsewhere=False, words=words)
    if status == 400 and re.search(r"model.{0,60}(not exist|not found|unknown)", words, re.IGNORECASE):
        return ServerProblem("openai-no-model", {"model": model, "names": "?"}, words=words)
    if status == 402:
        return ServerProblem("openai-unpaid", {"status": status}, words=words)
    return ServerProblem("openai-refused", {"status": status}, refuses=True, elsewhere=False, words=words)


def of_event(error: Any) -> ServerProblem:
    """An error that comes in the middle of a stream."""
    words = words_of(json.dumps({"error": error}).encode())
    if _TOO_LONG.search(words):
        return ServerProblem("openai-too-long", refuses=True, elsewhere=False, words=words)
    code = error.get("code") if isinstance(error, dict) else None
    return ServerProblem("openai-broken", {"status": code if isinstance(code, int) else 500}, again=True, words=words)


def words_of(body: bytes) -> str:
    """The message in an error's body, wherever this kind of server puts it."""
    try:
        found = json.loads(body)
    except ValueError:
        return body[:300].decode(errors="replace").strip()
    while isinstance(found, dict):
        found = next((found[name] for name in ("error", "message", "detail") if found.get(name)), "")
    return found if isinstance(found, str) else json.dumps(found)[:300]


def is_web_page(headers: Mapping[str, str], body: bytes) -> bool:
    return "html" in headers.get("content-type", "") or body.lstrip()[:1] == b"<"


def wait_of(headers: Mapping[str, str]) -> float:
    """`Retry-After`, in seconds or as a date; never more than a minute."""
    given = headers.get("retry-after", "")
    try:
        seconds = (
            float(given) if re.fullmatch(r"\s*\d+(\.\d+)?\s*", given) else parsedate_to_datetime(given).timestamp() - time()
        )
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), MAX_WAIT_SECONDS)
