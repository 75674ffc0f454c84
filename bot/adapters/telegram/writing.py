"""What Telegram's messages say: a reply, or the bot's own words, as texts that each fit into one."""

from __future__ import annotations

from bot.adapters.telegram.formatting import Styled, quote, style
from bot.adapters.telegram.splitting import split
from bot.core.messages import Draft
from bot.surface import Reply


class TelegramForm:
    """Only what the companion says is Markdown."""

    def plain(self, words: str) -> list[Styled]:
        return split(Styled(words))

    def reply(self, reply: Reply) -> list[Styled]:
        remarks = (Styled(remark) for remark in reply.all_remarks)
        whole = Styled("")
        for part in (quote(reply.thought), _whole(reply.text), *remarks):
            if part.text:
                whole = whole + Styled("\n\n" if whole.text else "") + part
        return split(whole)

    def answer(self, so_far: str) -> list[Styled]:
        return split(style(so_far))

    def end_of(self, draft: Draft) -> Styled:
        """As much as one draft holds. While there are no words, Telegram says that the bot thinks."""
        parts = split(style(draft.answer) if draft.answer.strip() else quote(draft.thought))
        return parts[-1] if parts else Styled("")


def _whole(answer: str) -> Styled:
    """As it was written where its Markdown shows nothing, such as code without a line: silence is no answer."""
    styled = style(answer)
    return styled if styled.text else Styled(answer.strip())
