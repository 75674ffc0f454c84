"""What people can tell the bot itself: one table, from which every adapter makes its menu. No worker is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from bot.core.errors import UnknownPersona
from bot.core.inbox import Inbox
from bot.core.memory import Memory
from bot.core.messages import Conversation, Incoming, Thinking
from bot.core.people import People
from bot.core.personas import Persona, Personas
from bot.core.settings import Settings
from bot.i18n import say


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said at once. `wakes` when the command left a line in the inbox; `leaves` when the person goes."""

    text: str
    wakes: bool = False
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A command as somebody gave it."""

    incoming: Incoming
    name: str
    argument: str
    language: str

    @property
    def conversation(self) -> Conversation:
        return self.incoming.conversation

    def say(self, key: str, **values: str | int) -> str:
        return say(self.language, key, **values)


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table. Its line in menus and /help is the text `command-NAME`; `only` limits it to one platform."""

    name: str
    run: Callable[[Commands, Ask], Answer]
    argument: str = ""
    only: str | None = None
    aliases: tuple[str, ...] = ()


class Commands:
    """Runs what the table lists."""

    def __init__(self, inbox: Inbox, memory: Memory, people: People, personas: Personas, settings: Settings) -> None:
        self._inbox, self._memory, self._people, self._personas = inbox, memory, people, personas
        self._settings = settings

    def run(self, ask: Ask) -> Answer:
        for command in for_platform(ask.conversation.platform):
            if ask.name in (command.name, *command.aliases):
                return command.run(self, ask)
        return Answer(ask.say("unknown-command", name=f"/{ask.name}"))

    def help(self, ask: Ask) -> Answer:
        rows = (
            ask.say("help-line", name=f"/{command.name} {command.argument}".rstrip(), what=ask.say(f"command-{command.name}"))
            for command in for_platform(ask.conversation.platform)
        )
        return Answer("\n".join([ask.say("help"), *rows]))

    def new(self, ask: Ask) -> Answer:
        self._inbox.stop(ask.conversation)
        self._memory.start_new(ask.conversation)
        return Answer(ask.say("new-done"))

    def reset(self, ask: Ask) -> Answer:
        return Answer(ask.say("reset-done", turns=self._memory.forget(ask.conversation)))

    def persona(self, ask: Ask) -> Answer:
        if not ask.argument:
            return Answer(self._persona_list(ask))
        try:
            persona = self._personas.get(ask.argument.lower())
        except UnknownPersona:
            names = ", ".join(persona.name for persona in self._personas.all())
            return Answer(ask.say("persona-unknown", name=ask.argument, names=names))
        self._people.choose(ask.conversation, persona=persona.name)
        greeting = persona.greet(ask.incoming.line.author)
        return Answer("\n".join(filter(None, [ask.say("persona-chosen", title=persona.title), greeting])))

    def think(self, ask: Ask) -> Answer:
        if not ask.argument:
            mode = self._people.preferences(ask.conversation).thinking or self._settings.thinking
            return Answer(ask.say("think-now", mode=mode))
        if ask.argument not in get_args(Thinking):
            return Answer(ask.say("think-unknown"))
        self._people.choose(ask.conversation, thinking=ask.argument)
        return Answer(ask.say("think-chosen", mode=ask.argument))

    def memory(self, ask: Ask) -> Answer:
        turns = self._memory.recent(ask.conversation)
        if not turns:
            return Answer(ask.say("memory-empty"))
        oldest = datetime.fromtimestamp(turns[0].at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return Answer(ask.say("memory", turns=len(turns), oldest=oldest, left_out=turns[-1].num_left_out))

    def stop(self, ask: Ask) -> Answer:
        return Answer(ask.say(f"stop-{self._inbox.stop(ask.conversation)}"))

    def retry(self, ask: Ask) -> Answer:
        if not self._memory.num_turns(ask.conversation):
            return Answer(ask.say("retry-none"))
        return Answer("", wakes=True)

    def quit(self, ask: Ask) -> Answer:
        return Answer(ask.say("console-bye"), leaves=True)

    def _persona_list(self, ask: Ask) -> str:
        chosen = self._personas.chosen(self._people.preferences(ask.conversation).persona, self._settings.persona)
        rows = [self._persona_line(ask, persona) for persona in self._personas.all()]
        return "\n".join([ask.say("persona-list", current=chosen.title), *rows])

    def _persona_line(self, ask: Ask, persona: Persona) -> str:
        about = persona.about(ask.incoming.line.author)
        return ask.say("persona-line", name=persona.name, title=persona.title, about=about)


TABLE = (
    Command("help", Commands.help, aliases=("start",)),
    Command("new", Commands.new),
    Command("reset", Commands.reset),
    Command("persona", Commands.persona, argument="[NAME]"),
    Command("think", Commands.think, argument="[hide|show|off]"),
    Command("memory", Commands.memory),
    Command("stop", Commands.stop),
    Command("retry", Commands.retry),
    Command("quit", Commands.quit, only="console", aliases=("exit",)),
)


def for_platform(platform: str) -> tuple[Command, ...]:
    return tuple(command for command in TABLE if command.only in (None, platform))


def parse(incoming: Incoming, language: str) -> Ask | None:
    """`/name argument` becomes a command; anything else, like a path or a lone slash, is talk."""
    head, argument = (*incoming.line.text.split(maxsplit=1), "", "")[:2]
    name = head[1:].partition("@")[0].lower()
    if not head.startswith("/") or not name.isalpha():
        return None
    return Ask(incoming, name, argument.strip(), language)
