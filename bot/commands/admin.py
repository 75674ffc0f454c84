"""/admin: what admins do from inside a chat. Who may is asked at every single use, before anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.administration import AboveTheLists, Administration, OwnerIsAbove, UnknownLetter
from bot.commands.ask import Answer, Ask, is_yes
from bot.commands.desk import Desk, NotUnderstood
from bot.core.access import INVITE_DAYS, Subject
from bot.core.dead import DeadLetter
from bot.core.errors import BadConversation, UnknownPersona
from bot.run import Front

ARGUMENTS = {
    "reset": "WHOM|chat",
    "persona": "WHOM|chat NAME",
    "block": "WHOM|chat|server",
    "unblock": "WHOM|chat|server",
    "allow": "WHOM|chat|server",
    "disallow": "WHOM|chat|server",
    "invite": "",
    "stats": "",
    "dead": "[list|show ID|replay ID|drop ID]",
}
_NUM_LETTERS = 20


def admin(front: Front, ask: Ask) -> Answer:
    """The one way in. What others try is refused in the same words, whatever it was, once a minute, and written down."""
    name, *words = ask.argument.split() or [""]
    name = name.lower()
    who = f"{ask.conversation.platform}:{ask.conversation.person}"
    role = front.access.role(ask.conversation)
    if role == "person":
        front.audit.write_refused(ask.conversation.surface, who, name if name in ARGUMENTS else "admin")
        return Answer(ask.say("denied-admin") if front.limits.tells_again(ask.conversation, "admin") else "", private=True)
    hands = Administration(front, ask.conversation.surface, who, is_owner=role == "owner")
    answer = _do(Desk(ask, hands, name, tuple(words)))
    return replace(answer, private=True)


def _do(desk: Desk) -> Answer:
    try:
        return _DEEDS[desk.name](desk) if desk.name in _DEEDS else _help(desk)
    except NotUnderstood as problem:
        return _explain(desk, problem.reason)
    except BadConversation:
        return _explain(desk, "not-an-id")
    except OwnerIsAbove:
        desk.hands.front.audit.write_refused(desk.hands.surface, desk.hands.who, desk.name)
        return Answer(desk.ask.say("admin-owner"))
    except AboveTheLists:
        return Answer(desk.ask.say("admin-above-lists"))
    except UnknownLetter:
        return Answer(desk.ask.say("admin-no-letter"))


def _explain(desk: Desk, reason: str) -> Answer:
    usage = f"/admin {desk.name} {ARGUMENTS[desk.name]}".rstrip()
    return Answer("\n".join([desk.ask.say(f"admin-{reason}"), desk.ask.say("admin-usage-line", usage=usage)]))


def _help(desk: Desk) -> Answer:
    rows = (
        desk.ask.say("help-line", name=f"/admin {name} {argument}".rstrip(), what=desk.ask.say(f"admin-{name}"))
        for name, argument in ARGUMENTS.items()
    )
    return Answer("\n".join([desk.ask.say("admin-help"), *rows]))


def _reset(desk: Desk) -> Answer:
    subject, rest = desk.split(("chat",))
    _nothing_more(rest)
    whom = desk.name_of(subject)
    if not desk.is_sure:
        return desk.confirm(desk.ask.say("admin-reset-what", whom=whom))
    return Answer(desk.ask.say("admin-reset-done", whom=whom, turns=desk.hands.reset(subject)))


def _persona(desk: Desk) -> Answer:
    subject, rest = desk.split(("chat",))
    if len(rest) != 1:
        raise NotUnderstood("usage")
    try:
        chosen = desk.hands.choose_persona(subject, rest[0].lower())
    except UnknownPersona:
        names = ", ".join(persona.name for persona in desk.hands.front.personas.all())
        return Answer(desk.ask.say("persona-unknown", name=rest[0], names=names))
    return Answer(desk.ask.say("admin-persona-done", whom=desk.name_of(subject), title=chosen.title))


def _block(desk: Desk) -> Answer:
    subject = _anything(desk)
    desk.hands.block(subject)
    return Answer(desk.ask.say("admin-block-done", whom=desk.name_of(subject)))


def _unblock(desk: Desk) -> Answer:
    subject = _anything(desk)
    outcome = "done" if desk.hands.unblock(subject) else "none"
    return Answer(desk.ask.say(f"admin-unblock-{outcome}", whom=desk.name_of(subject)))


def _allow(desk: Desk) -> Answer:
    subject = _anything(desk)
    desk.hands.allow(subject)
    return Answer(desk.ask.say("admin-allow-done", whom=desk.name_of(subject)))


def _disallow(desk: Desk) -> Answer:
    subject = _anything(desk)
    outcome = "done" if desk.hands.disallow(subject) else "none"
    return Answer(desk.ask.say(f"admin-disallow-{outcome}", whom=desk.name_of(subject)))


def _invite(desk: Desk) -> Answer:
    _nothing_more(desk.words)
    return Answer(desk.ask.say("admin-invite-done", code=desk.hands.invite(), days=INVITE_DAYS))


def _stats(desk: Desk) -> Answer:
    _nothing_more(desk.words)
    stats, ask = desk.hands.stats(), desk.ask
    workers = [
        ask.say("admin-stats-worker", model=worker.model, stage=worker.stage, busy=worker.busy, slots=worker.slots)
        for worker in stats.workers
    ]
    rows = [
        *(workers or [ask.say("admin-stats-no-worker")]),
        ask.say("admin-stats-waiting", count=stats.num_waiting),
        *([ask.say("admin-stats-people", count=stats.num_people)] if stats.num_people is not None else []),
        ask.say("admin-stats-dead", count=stats.num_dead),
        ask.say("admin-stats-tokens", count=stats.tokens_today),
    ]
    return Answer("\n".join(rows))


def _dead(desk: Desk) -> Answer:
    """Here, whose lines they are; what was said is shown in the shell alone."""
    what, *ids = [word for word in desk.words if not is_yes(word)] or ["list"]
    if what == "list" and not ids:
        return _dead_list(desk)
    deed = _DEAD.get(what)
    if deed is None or len(ids) != 1:
        raise NotUnderstood("usage")
    return deed(desk, ids[0])


def _dead_list(desk: Desk) -> Answer:
    letters = desk.hands.letters()
    rows = [_letter_line(desk, letter) for letter in letters[:_NUM_LETTERS]]
    return Answer("\n".join([desk.ask.say("admin-stats-dead", count=len(letters)), *rows]))


def _letter_line(desk: Desk, letter: DeadLetter) -> str:
    return desk.ask.say("admin-letter", id=letter.id, whom=letter.conversation.person, count=len(letter.lines))


def _dead_show(desk: Desk, id: str) -> Answer:
    return Answer("\n".join([_letter_line(desk, desk.hands.letter(id)), desk.ask.say("admin-letter-words")]))


def _dead_replay(desk: Desk, id: str) -> Answer:
    desk.hands.replay(desk.hands.letter(id))
    return Answer(desk.ask.say("admin-replay-done"))


def _dead_drop(desk: Desk, id: str) -> Answer:
    letter = desk.hands.letter(id)
    if not desk.is_sure:
        return desk.confirm(desk.ask.say("admin-drop-what", whom=letter.conversation.person, count=len(letter.lines)))
    desk.hands.drop(letter)
    return Answer(desk.ask.say("admin-drop-done"))


def _anything(desk: Desk) -> Subject:
    subject, rest = desk.split(("chat", "server"))
    _nothing_more(rest)
    return subject


def _nothing_more(words: tuple[str, ...]) -> None:
    if words:
        raise NotUnderstood("usage")


_DEAD: dict[str, Callable[[Desk, str], Answer]] = {"show": _dead_show, "replay": _dead_replay, "drop": _dead_drop}
_DEEDS: dict[str, Callable[[Desk], Answer]] = {
    "reset": _reset,
    "persona": _persona,
    "block": _block,
    "unblock": _unblock,
    "allow": _allow,
    "disallow": _disallow,
    "invite": _invite,
    "stats": _stats,
    "dead": _dead,
}
