"""What Discord's messages say: a reply, or the bot's own words, as Markdown that each fits into one."""

from __future__ import annotations

import re
import textwrap

from bot.adapters.discord.links import quiet
from bot.adapters.discord.splitting import MAX_UNITS, closed, split
from bot.surface import Reply

_SMALL = "-# "
_SMALL_CHARS = 400
_TICKS = re.compile(r"`{3,}")


class DiscordForm:
    """Only what the companion says is Markdown by intention; the bot's own words hold none that would be seen."""

    def plain(self, words: str) -> list[str]:
        return _messages(words)

    def reply(self, reply: Reply) -> list[str]:
        remarks = [small(remark) for remark in reply.all_remarks] if reply.text else list(reply.all_remarks)
        return _messages("\n\n".join(filter(None, [small(reply.thought), closed(reply.text.strip()), *remarks])))

    def answer(self, so_far: str) -> list[str]:
        return _messages(so_far)


def _messages(markdown: str) -> list[str]:
    return split(quiet(markdown, MAX_UNITS))


def small(text: str) -> str:
    """Each line as small text: it goes by lines, so none may be so long that it would have to be cut.

    The ticks of code in it are no more than signs, or the answer behind it would be taken for code where they have no end.
    """
    inert = _TICKS.sub(lambda ticks: r"\`" * len(ticks.group()), text)
    lines = (wrapped for line in inert.split("\n") for wrapped in textwrap.wrap(line, _SMALL_CHARS, break_on_hyphens=False))
    return "\n".join(f"{_SMALL}{line}" for line in lines)
