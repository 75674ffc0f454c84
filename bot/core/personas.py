"""Personas: who the companion is. One TOML file each; a later folder overrides an earlier one by file name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import structlog
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.core.errors import BadPersona, UnknownPersona
from bot.core.live import Live, current
from bot.core.messages import Thinking
from bot.core.settings import Settings
from bot.core.texts import tell
from bot.core.wrong import wrong

log = structlog.get_logger()

Language = Literal["en", "zh"]

_FIRST_SENTENCE = re.compile(r"[^.。\n]*[.。]?")
SHIPPED = Path(__file__).parents[1] / "personas"
MAX_USER = 32  # characters of a person's name that reach the model

_SOMEBODY: dict[Language, str] = {"en": "Friend", "zh": "朋友"}
_MACRO = re.compile(r"\{\{\s*(char|user)\s*\}\}", re.IGNORECASE)
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def _without_rule(text: str) -> str:
    if any(line.strip() == "---" for line in text.splitlines()):
        raise PydanticCustomError("rule", "a rule")
    return text


def _one_line(text: str) -> str:
    if len(text.splitlines()) > 1:
        raise PydanticCustomError("one_line", "several lines")
    return text


def _text(max_length: int) -> Any:
    return StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=max_length)


_Title = Annotated[str, _text(40), AfterValidator(_one_line)]
_Prose = Annotated[str, _text(1500), AfterValidator(_without_rule)]
_Saying = Annotated[str, _text(500), AfterValidator(_without_rule)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Example:
    """One exchange that shows how the persona talks."""

    user: _Saying
    companion: _Saying


@dataclass(frozen=True, slots=True, config=_STRICT)
class Persona:
    """Who the companion is. `name` is its id, `title` what it is called; the texts may hold {{char}} and {{user}}.

    `greetings` are for people of other languages than its own, by their codes; without one for them it greets in its own.
    None in `thinking`, `temperature` and `top_p` leaves the choice to the settings.
    """

    name: str
    title: _Title
    description: _Prose
    greeting: _Prose
    style: Annotated[str, AfterValidator(_without_rule), Field(strict=True, max_length=1500)] = ""
    examples: Annotated[tuple[Example, ...], Field(max_length=8)] = ()
    language: Language = "en"
    greetings: dict[Language, _Prose] = Field(default_factory=dict)
    thinking: Thinking | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(strict=True, gt=0, le=1)] | None = None

    def about(self, user: str = "") -> str:
        """The first sentence of its description, for lists."""
        found = _FIRST_SENTENCE.match(self.expand(self.description, user))
        return found[0] if found else ""

    def greet(self, user: str = "", language: str = "") -> str:
        """The first words to somebody called `user`, who reads `language`."""
        for code, greeting in self.greetings.items():
            if code == language:
                return self.expand(greeting, user.strip() or _SOMEBODY[code])
        return self.expand(self.greeting, user)

    def expand(self, text: str, user: str = "") -> str:
        """`text` with {{char}} and {{user}} replaced, once: braces in a person's own name stay what they are."""
        names = {"char": self.title, "user": self.call(user)}
        return _MACRO.sub(lambda macro: names[macro[1].lower()], text)

    def call(self, user: str) -> str:
        """What to call somebody: one short line of their name, or a friendly word for the nameless."""
        return " ".join(user.split())[:MAX_USER].strip() or _SOMEBODY[self.language]


class Personas:
    """Those of all `folders`, read at once; make a new one to read them anew. Folders that are not there are empty.

    Raises `BadPersona` for the first file that is wrong.
    """

    def __init__(self, folders: Iterable[Path] = (SHIPPED,)) -> None:
        files = {file.stem: file for folder in folders for file in sorted(folder.glob("[!.]*.toml"))}
        self._by_name = {name: load_persona(files[name]) for name in sorted(files)}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those shipped and the owner's; raises when the owner's folder or the installation's persona is not there."""
        own = settings.persona_dir
        if own is not None and not own.is_dir():
            raise BadPersona(tell("persona-no-folder", folder=str(own)))
        personas = cls([SHIPPED, *([own] if own else [])])
        personas.get(settings.persona)
        return personas

    def get(self, name: str) -> Persona:
        """Raises `UnknownPersona`, which lists those that exist."""
        if name not in self._by_name:
            raise UnknownPersona(tell("persona-none", name=name, names=", ".join(self._by_name)))
        return self._by_name[name]

    def chosen(self, name: str | None, default: str) -> Persona:
        """The one chosen; where none is, or the owner has taken it away since, the default."""
        return self._by_name.get(name or default) or self.get(default)

    def all(self) -> tuple[Persona, ...]:
        """By name."""
        return tuple(self._by_name.values())


class LivePersonas:
    """Those that the files hold now: asked like `Personas`. A file that breaks leaves them all as they were."""

    def __init__(self, settings: Settings | Live[Settings]) -> None:
        own = current(settings).persona_dir
        folders = [SHIPPED, *([own] if own else [])]
        self.live = Live(lambda: Personas.of(current(settings)), folders, _tell)

    @property
    def value(self) -> Personas:
        return self.live.value

    def get(self, name: str) -> Persona:
        """Raises `UnknownPersona`; one that was made a moment ago is known."""
        try:
            return self.value.get(name)
        except UnknownPersona:
            return self.live.fresh().get(name)

    def chosen(self, name: str | None, default: str) -> Persona:
        """The one chosen; where none is, or the owner has taken it away since, the default."""
        if name:
            with suppress(UnknownPersona):
                return self.get(name)
        return self.get(default)

    def all(self) -> tuple[Persona, ...]:
        return self.value.all()


def _tell(problem: str) -> None:
    log.warning("a persona is broken; the last good ones stay", action="reload_failed", error=problem)


def load_persona(file: Path) -> Persona:
    """Read one file; raises `BadPersona` that names the file, the key and what is allowed."""
    if not _FILE_NAME.fullmatch(file.stem):
        raise BadPersona(tell("persona-file-name", file=str(file)))
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if "name" in content:
            raise BadPersona(tell("persona-named-twice", file=str(file)))
        return _PERSONA.validate_python({"name": file.stem, **content})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadPersona(tell("file-not-toml", file=str(file), problem=str(problem))) from problem
    except ValidationError as problem:
        raise BadPersona("\n".join(_explain(str(file), error) for error in problem.errors())) from None


_PERSONA = TypeAdapter(Persona)


def _explain(file: str, error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "unexpected_keyword_argument":
        kind = Example if error["loc"][0] == "examples" else Persona
        allowed = ", ".join(field.name for field in fields(kind) if field.name != "name")
        return tell("persona-unknown-key", file=file, name=key, allowed=allowed)
    return tell("file-wrong", file=file, name=key, problem=wrong(error))
