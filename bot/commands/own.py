"""Commands about what is kept of a person: theirs to see, to have and to erase."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bot.commands.ask import Answer, Ask, Document, are_you_sure, is_yes
from bot.commands.readable import as_text, moment
from bot.core.access import Subject
from bot.core.messages import Conversation
from bot.run import Front


def memory(front: Front, ask: Ask) -> Answer:
    turns = front.memory.recent(ask.conversation)
    if not turns:
        return Answer(ask.say("memory-empty"))
    return Answer(ask.say("memory", turns=len(turns), oldest=moment(turns[0].at), left_out=turns[-1].num_left_out))


def privacy(front: Front, ask: Ask) -> Answer:
    settings = front.settings
    return Answer(_with_shared(ask, ask.say("privacy", turns=settings.memory_turns, days=settings.retention_days)))


def export(front: Front, ask: Ask) -> Answer:
    """Everything kept about the person on this surface, from all their chats: so it is for their eyes alone."""
    kept = everything(front, ask.conversation)
    readable = as_text(kept, ask.language)
    documents = (
        Document("companion-export.json", json.dumps(kept, ensure_ascii=False, indent=2).encode()),
        Document("companion-export.txt", readable.encode()),
    )
    turns = sum(len(conversation["turns"]) for conversation in kept["conversations"])
    return Answer(_with_shared(ask, ask.say("export-done", turns=turns)), documents=documents, private=True)


def everything(front: Front, person: Conversation) -> dict[str, Any]:
    """What /forget erases, and what it leaves: who may talk, and what admins did."""
    names = Subject.person(person), Subject(person.surface, "chat", person.person)  # of their private chat
    lists = sorted({on for name in names for on in front.access.lists_of(name)})
    log = [asdict(entry) for entry in front.audit.about(person)]
    return front.people.export(person) | {"lists": lists, "admin_log": log}


def forget(front: Front, ask: Ask) -> Answer:
    if not is_yes(ask.argument):
        return are_you_sure(ask, _with_shared(ask, ask.say("forget-sure")), ask.say("button-forget"))
    front.limits.keep_spent(ask.conversation)
    return Answer(ask.say("forget-done", turns=front.people.forget(ask.conversation)))


def _with_shared(ask: Ask, text: str) -> str:
    """And, where there may be such, what is theirs of a talk that everybody in a channel shares."""
    return f"{text}\n{ask.say('shared-talk')}" if ask.conversation.platform == "discord" else text


def stats(front: Front, ask: Ask) -> Answer:
    usage = front.people.usage(ask.conversation)
    since = front.people.since(ask.conversation)
    rows = [ask.say("stats-turns", here=front.memory.num_turns(ask.conversation), turns=usage.turns)]
    if since is not None:
        rows.append(ask.say("stats-since", oldest=moment(since)))
    rows.append(ask.say("stats-tokens", today=usage.tokens_today, tokens=usage.tokens))
    if (left := front.limits.left(ask.conversation)) is not None:
        rows.append(ask.say("stats-left", left=left, limit=front.settings.daily_tokens))
    return Answer("\n".join(rows), private=True)
