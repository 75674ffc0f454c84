"""Commands about the bot itself: who is there, what it understands, what it runs on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from bot.commands.ask import Answer, Ask, Choice, Command
from bot.core.errors import UnknownPersona
from bot.core.personas import Persona
from bot.run import Front


def start(front: Front, ask: Ask) -> Answer:
    """First words: the persona's own, and what nobody should have to ask. A link may name a persona, which is chosen."""
    persona = _persona_of_link(front, ask)
    if persona is None:
        persona = front.personas.chosen(front.people.preferences(ask.conversation).persona, front.settings.persona)
    else:
        front.people.choose(ask.conversation, persona=persona.name)
    front.disclosures.told(ask.conversation, front.settings.disclosure_hours)
    greeting = persona.greet(ask.incoming.line.author, ask.language)
    choices = tuple(Choice(f"/{name}", f"/{name}") for name in ("help", "persona", "privacy"))
    return Answer("\n\n".join(filter(None, [greeting, ask.say("start-honest", title=persona.title)])), choices=choices)


def help(ask: Ask, commands: Iterable[Command]) -> Answer:
    rows = (
        ask.say("help-line", name=f"/{command.name} {command.argument}".rstrip(), what=ask.say(f"command-{command.name}"))
        for command in commands
    )
    return Answer("\n".join([ask.say("help"), *rows]))


def about(front: Front, ask: Ask) -> Answer:
    """Of the workers that live now, each model once."""
    models = sorted({(worker.model, worker.engine) for worker in front.presence.workers()})
    rows = [ask.say("about", version=_version())]
    rows += [ask.say("about-model", model=model, engine=engine) for model, engine in models]
    if not models:
        rows.append(ask.say("about-asleep"))
    rows.append(ask.say("about-owner") if front.settings.owners else ask.say("about-nobody"))
    return Answer("\n".join(rows))


def quit(front: Front, ask: Ask) -> Answer:
    return Answer(ask.say("console-bye"), leaves=True)


def _persona_of_link(front: Front, ask: Ask) -> Persona | None:
    if not ask.argument:
        return None
    try:
        return front.personas.get(ask.argument.lower())
    except UnknownPersona:
        return None  # an invite code, or a link from elsewhere


def _version() -> str:
    try:
        return version("companion")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
