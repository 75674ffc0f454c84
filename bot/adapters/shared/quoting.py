"""Others' words before a person's own, so marked that the model obeys none of them."""

from __future__ import annotations

_QUOTE_CHARS = 1000


def quoted(head: str, text: str) -> str:
    """Each line marked, under a line that says whose they are."""
    short = text if len(text) <= _QUOTE_CHARS else f"{text[:_QUOTE_CHARS].rstrip()}…"
    return "\n".join([f"[{head}]", *(f"> {line}" for line in short.splitlines())])
