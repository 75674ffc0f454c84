"""Commands by which a person chooses who the companion is and how it answers."""

from __future__ import annotations

from typing import get_args

from bot.commands.ask import Answer, Ask, Choice
from bot.core.errors import UnknownPersona
from bot.core.messages import Thinking
from bot.core.personas import Persona
from bot.i18n import languages, say
from bot.run import Front

_BY_ITSELF = ("auto", "自动")


def persona(front: Front, ask: Ask) -> Answer:
    if not ask.argument:
        choices = tuple(Choice(one.title, f"/persona {one.name}") for one in front.personas.all())
        return Answer(_persona_list(front, ask), choices=choices)
    try:
        chosen = front.personas.get(ask.argument.lower())
    except UnknownPersona:
        names = ", ".join(persona.name for persona in front.personas.all())
        return Answer(ask.say("persona-unknown", name=ask.argument, names=names))
    front.people.choose(ask.conversation, persona=chosen.name)
    greeting = chosen.greet(ask.incoming.line.author, ask.language)
    return Answer("\n".join(filter(None, [ask.say("persona-chosen", title=chosen.title), greeting])))


def think(front: Front, ask: Ask) -> Answer:
    modes = get_args(Thinking)
    if not ask.argument:
        mode = _thinking(front, ask)
        choices = tuple(Choice(ask.say("think-label", mode=mode), f"/think {mode}") for mode in modes)
        return Answer(ask.say("think-now", mode=mode), choices=choices)
    if ask.argument.lower() not in modes:
        return Answer(ask.say("think-unknown"))
    front.people.choose(ask.conversation, thinking=ask.argument.lower())
    return Answer(ask.say("think-chosen", mode=ask.argument.lower()))


def _thinking(front: Front, ask: Ask) -> Thinking:
    """As a worker takes it for the next reply."""
    chosen = front.people.preferences(ask.conversation)
    persona = front.personas.chosen(chosen.persona, front.settings.persona)
    return chosen.thinking or persona.thinking or front.settings.thinking


def language(front: Front, ask: Ask) -> Answer:
    """The answer is in the language that was just chosen; `auto` leaves it to the person's client again."""
    names = {code: say(code, "language-name") for code in languages()}
    if not ask.argument:
        return _language_list(front, ask, names)
    wish = ask.argument.lower()
    chosen = next((code for code, name in names.items() if wish in (code, name.lower())), None)
    if chosen is None and wish not in _BY_ITSELF:
        return Answer(ask.say("language-unknown", name=ask.argument, names=", ".join(["auto", *names])))
    front.people.choose(ask.conversation, language=chosen)
    if chosen is None:
        return Answer(say(front.language(ask.conversation), "language-auto"))
    return Answer(say(chosen, "language-chosen"))


def personas(front: Front, _language: str) -> dict[str, str]:
    return {one.name: one.title for one in front.personas.all()}


def thinkings(_front: Front, language: str) -> dict[str, str]:
    return {mode: say(language, "think-label", mode=mode) for mode in get_args(Thinking)}


def tongues(_front: Front, language: str) -> dict[str, str]:
    return {"auto": say(language, "button-auto"), **{code: say(code, "language-name") for code in languages()}}


def _language_list(front: Front, ask: Ask, names: dict[str, str]) -> Answer:
    chosen = front.people.preferences(ask.conversation).language
    current = ask.say("language-by-itself") if chosen is None else names.get(chosen, chosen)
    rows = [ask.say("language-line", name=code, what=name) for code, name in names.items()]
    by_itself = Choice(ask.say("button-auto"), "/language auto")
    choices = (by_itself, *(Choice(name, f"/language {code}") for code, name in names.items()))
    return Answer("\n".join([ask.say("language-list", current=current), *rows]), choices=choices)


def _persona_list(front: Front, ask: Ask) -> str:
    chosen = front.personas.chosen(front.people.preferences(ask.conversation).persona, front.settings.persona)
    rows = [_persona_line(ask, one) for one in front.personas.all()]
    return "\n".join([ask.say("persona-list", current=chosen.title), *rows])


def _persona_line(ask: Ask, one: Persona) -> str:
    return ask.say("persona-line", name=one.name, title=one.title, about=one.about(ask.incoming.line.author))
