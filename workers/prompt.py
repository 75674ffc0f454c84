"""Writes what the model will read: the persona, what is remembered and fits, what the person says now.

R1 knows no system role: the persona stands at the start of the first user turn and ends with a line that is only `---`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from zlib import crc32

from bot.core.errors import CompanionError
from bot.core.messages import Turn
from bot.core.personas import Persona
from workers.tokenizer import Message, Tokenizer

LOW_WATER = 0.75  # of the room for memory: what is kept when something must go

_RULE = "\n---\n"
_OTHER = "2"
_FORMS = {
    "en": ("You are {{char}}. ", "How you talk: ", "For example:", "You are talking with {{user}}. "),
    "zh": ("你是{{char}}。", "说话方式：", "例如：", "你正在和{{user}}聊天。"),
}
_LANGUAGES = {"en": "Think and answer in English.", "zh": "请用中文思考和回答。"}
_ANY_LANGUAGE = "Think and answer in the language {{user}} writes in."
_WRAP_UP = {"en": "\n\nThat is enough thinking. I will answer now.\n", "zh": "\n\n想得差不多了，我现在回答。\n"}


class PromptTooLong(CompanionError):
    """What the person wrote does not fit into the model's context, even with nothing else remembered."""

    key = "prompt-too-long"


@dataclass(frozen=True, slots=True)
class Prompt:
    """`ids` for the engine; `num_turns` of memory are in it, the oldest `num_left_out` are not."""

    ids: tuple[int, ...]
    messages: tuple[Message, ...]
    num_turns: int
    num_left_out: int


def write_prompt(
    tokenizer: Tokenizer,
    persona: Persona,
    turns: Sequence[Turn],
    text: str,
    *,
    user: str,
    language: str,
    max_tokens: int,
    thinks: bool = True,
) -> Prompt:
    """The prompt for `text`, after as much of `turns` (oldest first) as fits into `max_tokens`.

    `max_tokens` is the model's context less what is kept free for the reply. With `thinks` false the thought is
    opened and closed at once. Raises `PromptTooLong` when persona and `text` alone do not fit.
    """
    block = write_persona(persona, user, language)
    if _num_bytes(block, turns, text) + len(turns) * tokenizer.num_marks < max_tokens:
        messages = _messages(block, turns, text)
        ids = _render(tokenizer, messages, thinks)
        if len(ids) <= max_tokens:  # as good as sure
            return Prompt(ids, messages, len(turns), 0)
    alone = _render(tokenizer, _messages(block, [], text), thinks)
    room = max_tokens - len(alone)
    if room < 0:
        raise PromptTooLong
    for start in range(_first_kept(tokenizer, turns, room), len(turns)):
        messages = _messages(block, turns[start:], text)
        ids = _render(tokenizer, messages, thinks)
        if len(ids) <= max_tokens:  # sizes are of each turn alone; together they may be a few tokens more
            return Prompt(ids, messages, len(turns) - start, start)
    return Prompt(alone, _messages(block, [], text), 0, len(turns))


def write_beginning(tokenizer: Tokenizer, prompt: Prompt, thinks: bool) -> tuple[int, ...]:
    """What every prompt begins with that differs from this one in what the person says now.

    Two prompts that differ in that alone show where it is, whatever the template is.
    """
    *before, last = prompt.messages
    if not before:
        return ()
    other = _render(tokenizer, [*before, Message("user", f"{_OTHER}{last.content}")], thinks)
    return tuple(id for id, _ in takewhile(lambda pair: pair[0] == pair[1], zip(prompt.ids, other, strict=False)))


def write_persona(persona: Persona, user: str, language: str) -> str:
    """The block that makes the model this persona, for somebody called `user`, answering in `language`."""
    who, style, example, partner = _FORMS[persona.language]
    lines = [who + persona.description]
    lines += [style + persona.style] if persona.style else []
    lines += [example] if persona.examples else []
    lines += [f"{{{{user}}}}: {one.user}\n{{{{char}}}}: {one.companion}" for one in persona.examples]
    lines += [partner + _LANGUAGES.get(language, _ANY_LANGUAGE)]
    return persona.expand("\n".join(lines), user)


def close_thought_ids(tokenizer: Tokenizer, language: str) -> tuple[int, ...]:
    """The ids that end a running thought gracefully, for the answer to follow; none where there are no think tokens."""
    if tokenizer.think_end is None:
        return ()
    wrap_up = _WRAP_UP.get(language, _WRAP_UP["en"])
    return (*tokenizer.encode(wrap_up), tokenizer.think_end, *tokenizer.encode("\n\n"))


def _messages(block: str, turns: Sequence[Turn], text: str) -> tuple[Message, ...]:
    first, *others = [*chain.from_iterable(map(_pair, turns)), Message("user", text)]
    return (Message("user", f"{block}{_RULE}{first.content}"), *others)


def _pair(turn: Turn) -> tuple[Message, Message]:
    # A model that sees itself silent once stays silent: a turn stopped before its first word gets an ellipsis.
    return Message("user", turn.said), Message("assistant", turn.reply or "…")


def _render(tokenizer: Tokenizer, messages: Sequence[Message], thinks: bool) -> tuple[int, ...]:
    ids = tokenizer.render(messages)
    return ids if thinks else _close_at_once(tokenizer, ids)


def _close_at_once(tokenizer: Tokenizer, ids: tuple[int, ...]) -> tuple[int, ...]:
    """`<think>\\n` at the end becomes `<think>\\n\\n</think>\\n\\n`, in the ids of R1's own empty thoughts."""
    if not tokenizer.opens_thought or tokenizer.think_end is None or tokenizer.think_start is None:
        return ids
    opening = len(ids) - ids[::-1].index(tokenizer.think_start)
    blank = tokenizer.encode("\n\n")
    return (*ids[:opening], *blank, tokenizer.think_end, *blank)


def _num_bytes(block: str, turns: Sequence[Turn], text: str) -> int:
    """Hardly any tokenizer makes more tokens of them, and most a quarter."""
    return sum(
        len(part.encode(errors="replace"))
        for part in (block, text, *chain.from_iterable((turn.said, turn.reply) for turn in turns))
    )


def _first_kept(tokenizer: Tokenizer, turns: Sequence[Turn], room: int) -> int:
    """Where memory begins in the prompt: 0 if all fits, else a place that stays the same for many turns to come.

    Engines reuse the prefix two prompts share, and dropping one turn each time would leave none. Of all starts that
    fill the room to between LOW_WATER and full, the one whose turn has the smallest checksum is taken: it stays the
    smallest until it no longer fits, needs no state, and does not move when memory itself forgets its oldest turns.
    """
    fills = _fills(tokenizer, turns, room)
    if len(fills) == len(turns):
        return 0
    band = [start for start, fill in fills.items() if fill > room * LOW_WATER]
    return min(band, key=lambda start: crc32(turns[start].id.encode()), default=min(fills, default=len(turns)))


def _fills(tokenizer: Tokenizer, turns: Sequence[Turn], room: int) -> dict[int, int]:
    """For each turn that memory could begin with: the tokens from there on, as far back as they fit."""
    fills: dict[int, int] = {}
    fill = 0
    for start in reversed(range(len(turns))):
        fill += sum(len(tokenizer.encode(message.content)) for message in _pair(turns[start])) + tokenizer.num_marks
        if fill > room:
            break
        fills[start] = fill
    return fills
