"""Commands about the talk that is going on: begin anew, stop, answer again, take back, say otherwise."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.ask import Answer, Ask, Choice, are_you_sure, is_yes
from bot.core.edits import keep_edit, replace_waiting, take_edit
from bot.core.memory import Busy, DoneBefore
from bot.core.messages import Conversation, Incoming, Line, Turn
from bot.i18n import say
from bot.run import Front

EDITED = "edited"
"""With /retry: the message that was edited is to be answered anew, with its new words."""

_LISTS = ("list", "all", "列表", "全部")
_UNDO_CHARS = 40


def new(front: Front, ask: Ask) -> Answer:
    front.inbox.stop(ask.conversation)
    front.memory.start_new(ask.conversation)
    return Answer(ask.say("new-done"))


def reset(front: Front, ask: Ask) -> Answer:
    turns = front.memory.num_turns(ask.conversation)
    if turns and not is_yes(ask.argument):
        return are_you_sure(ask, ask.say("reset-sure", turns=turns), ask.say("button-reset"))
    return Answer(ask.say("reset-done", turns=front.memory.forget(ask.conversation)))


def stop(front: Front, ask: Ask) -> Answer:
    return Answer(ask.say(f"stop-{front.inbox.stop(ask.conversation)}"))


def retry(front: Front, ask: Ask) -> Answer:
    """Another answer; or all that were given; or one of them, to count instead; or an answer to what was edited."""
    if ask.argument == EDITED:
        return _answer_edited(front, ask)
    turn = front.memory.last(ask.conversation)
    if turn is None:
        return Answer(ask.say("retry-none"))
    if not ask.argument:
        return Answer("", wakes=True)
    if ask.argument.lower() in _LISTS:
        return _variants(ask, turn)
    return _pick(front, ask, turn)


def undo(front: Front, ask: Ask) -> Answer:
    try:
        turn = front.memory.undo(ask.conversation, ask.incoming.line.update_id)
    except Busy:
        return Answer(ask.say("busy-now"))
    except DoneBefore:
        return Answer(ask.say("undo-before"))
    return Answer(ask.say("undo-done", said=_short(turn.said)) if turn else ask.say("undo-none"))


def edit(front: Front, ask: Ask) -> Answer:
    """The terminal makes an edit of it by itself where there is something to edit; only the rest comes here."""
    return Answer(ask.say("edit-none") if ask.argument else ask.say("edit-usage"))


def edited(front: Front, incoming: Incoming, language: str) -> Answer | None:
    """What becomes of a message that was written anew; None when the inbox is to have the edit.

    People mend messages without wanting an answer: where an edit is a command, it is answered in words; where it may be
    no more than a slip mended, an answer to it is offered.
    """
    if front.inbox.is_known(incoming):
        return Answer("")
    place = replace_waiting(front.store, front.vault, incoming.conversation, incoming.line)
    counts = place == "answering" or (place == "gone" and _changes_last(front, incoming))
    if counts and not incoming.tentative:
        return None
    front.inbox.mark_seen(incoming)
    if counts:
        return _offer(front, incoming, language)
    if place == "replaced":
        return Answer("", wakes=True)
    return Answer(say(language, "edit-unchanged") if incoming.conversation.platform == "console" else "")


def _offer(front: Front, incoming: Incoming, language: str) -> Answer:
    """Once for several changes in a row: the newest words are those that will be answered."""
    keep_edit(front.store, front.vault, incoming.conversation, incoming.line)
    if not front.limits.tells_again(incoming.conversation, EDITED):
        return Answer("")
    return Answer(say(language, "edit-offer"), choices=(Choice(say(language, "button-anew"), f"/retry {EDITED}"),))


def _answer_edited(front: Front, ask: Ask) -> Answer:
    line = take_edit(front.store, front.vault, ask.conversation)
    if line is None:
        return Answer(ask.say("edit-old"))
    return Answer("", wakes=True, line=replace(line, update_id=ask.incoming.line.update_id))


def last_message(front: Front, conversation: Conversation) -> Line | None:
    """The message that can still be edited: the newest that waits, else the newest that was answered."""
    waiting = [line for line in front.inbox.waiting(conversation) if line.kind != "retry"]
    if waiting:
        return waiting[-1]
    turn = front.memory.last(conversation)
    return turn.lines[-1] if turn else None


def _changes_last(front: Front, incoming: Incoming) -> bool:
    """Whether it is a message of the last turn, with other words, and nothing came after."""
    turn = front.memory.last(incoming.conversation)
    if turn is None or front.inbox.num_waiting(incoming.conversation):
        return False
    told = {line.message_id: line.text for line in turn.lines}
    return told.get(incoming.line.message_id, incoming.line.text) != incoming.line.text


def _variants(ask: Ask, turn: Turn) -> Answer:
    if not turn.variants:
        return Answer(ask.say("retry-alone"))
    counts = turn.variants.index(turn.reply) if turn.reply in turn.variants else -1
    rows = [f"{'✓ ' if at == counts else ''}{at + 1}. {reply}" for at, reply in enumerate(turn.variants)]
    choices = tuple(Choice(str(number), f"/retry {number}") for number in range(1, len(rows) + 1))
    return Answer("\n".join([ask.say("retry-list", variants=len(rows)), *rows]), choices=choices)


def _pick(front: Front, ask: Ask, turn: Turn) -> Answer:
    if not turn.variants:
        return Answer(ask.say("retry-alone"))
    number = int(ask.argument) if ask.argument.isdecimal() and len(ask.argument) < 4 else 0
    try:
        picked = front.memory.pick(ask.conversation, number)
    except Busy:
        return Answer(ask.say("busy-now"))
    if picked is None:
        return Answer(ask.say("retry-unknown", variants=len(turn.variants)))
    count = len(picked.variants)
    beside = {"◀": number - 1, "▶": number + 1}
    choices = tuple(Choice(label, f"/retry {other}") for label, other in beside.items() if 1 <= other <= count)
    header = ask.say("retry-picked", variant=number, variants=count)
    return Answer(f"{header}\n{turn.variants[number - 1]}", choices=choices)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _UNDO_CHARS else f"{line[: _UNDO_CHARS - 1].rstrip()}…"
