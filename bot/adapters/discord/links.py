"""Links without a preview: Discord shows none for what stands in angle brackets, which it does not show themselves.

Messages in a channel have a flag for that; the answer to a command, which is edited by its token, has none.
"""

from __future__ import annotations

import regex

_PARTS = regex.compile(
    r"(?P<code>`{3,}.*?(?:`{3,}|\Z)|(?<!`)``(?!`).+?(?<!`)``(?!`)|(?<!`)`[^`]+`(?!`))"
    r"|(?P<quiet><https?://[^\s<>]+>)"
    # A link ends before what encloses it: a bracket that it has not opened, the `](` of Markdown, quotes and Chinese marks.
    r"|(?P<link>https?://(?:(?!\]\()[^\s<>()`\"，。！？、；：（）「」『』【】《》“”]|\([^\s<>()`]*\))+)",
    regex.DOTALL | regex.IGNORECASE,
)
_AROUND = ".,:;!?'*~|]"
"""What may stand behind a link, but hardly ends one."""


def quiet(markdown: str, max_units: int) -> str:
    """The same with angle brackets around each link that has none, but not in code; one that would fill a message stays."""
    return str(_PARTS.sub(lambda part: _quiet(part["link"], max_units) if part["link"] else part[0], markdown))


def _quiet(link: str, max_units: int) -> str:
    bare = link.rstrip(_AROUND)
    is_too_long = len(bare.encode("utf-16-le", "replace")) // 2 + 2 > max_units
    return link if is_too_long or bare.endswith("//") else f"<{bare}>{link[len(bare) :]}"
