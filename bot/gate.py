"""Who is heard: asked before anything else is done with an update. A refusal is said once, then there is silence."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from bot import commands
from bot.commands import Answer, Ask
from bot.core.access import Access
from bot.core.limits import Refusal
from bot.core.messages import Incoming
from bot.i18n import say
from bot.run import Front

# What is kept about a person stays theirs, blocked or not; and nobody is locked into a terminal.
_OPEN_TO_ALL = {"privacy", "export", "forget", "quit", "exit"}
_NOT_COUNTED = {"stop"}
_MINUTES_UP_TO = 90


def turn_away(front: Front, incoming: Incoming, ask: Ask | None, language: str) -> Answer | None:
    """What to say, perhaps nothing, to somebody who is not heard; None when they are. One round trip to Redis."""
    name = ask.name if ask else ""
    if name in _OPEN_TO_ALL:
        return None
    refusal = front.limits.refuse(incoming, counts=name not in _NOT_COUNTED, spends=_wants_a_reply(ask))
    if refusal is None:
        return None
    if refusal.reason == "uninvited" and (code := _code(incoming, ask)):
        return _try_code(front, incoming, code, language)
    return Answer("" if refusal.was_told else _words(refusal, language))


def _wants_a_reply(ask: Ask | None) -> bool:
    """Whether a model would write for it; to leaf through what was written costs nothing."""
    return ask is None or ask.name == "edit" or (ask.name == "retry" and ask.argument in ("", commands.EDITED))


def _welcome(front: Front, incoming: Incoming, language: str) -> Answer:
    own = incoming.own
    front.audit.write(own.surface, f"{own.platform}:{own.person}", "join by invite")
    start = commands.run(front, Ask(incoming, "start", "", language))
    return replace(start, text=f"{say(language, 'invite-accepted')}\n\n{start.text}")


def _code(incoming: Incoming, ask: Ask | None) -> str:
    """What is meant as an invite code: whatever follows /start, or a message that looks like one."""
    if ask is not None:
        return ask.argument if ask.name == "start" else ""
    text = incoming.line.text.strip()
    return text if Access.looks_like_invite(text) else ""


def _try_code(front: Front, incoming: Incoming, code: str, language: str) -> Answer:
    if front.access.redeem(incoming.own, code):
        return _welcome(front, incoming, language)
    return Answer(say(language, "invite-unknown") if front.limits.tells_again(incoming.own, "code") else "")


def _words(refusal: Refusal, language: str) -> str:
    if refusal.reason in ("rate", "tokens"):
        return say(language, f"denied-{refusal.reason}", span=span(refusal.seconds, language))
    return say(language, f"denied-{refusal.reason}")


def span(seconds: int, language: str) -> str:
    """A time to wait in words, rounded up: never so early that one would come in vain."""
    if seconds < 60:
        return say(language, "span-seconds", count=max(1, seconds))
    minutes = ceil(seconds / 60)
    if minutes <= _MINUTES_UP_TO:
        return say(language, "span-minutes", count=minutes)
    return say(language, "span-hours", count=ceil(minutes / 60))
