"""What the companion owes people, whatever its model can do.

It says that it is an AI: at the start, when asked, and now and then. A message that speaks of suicide or self-harm gets care
and places to call, at once and from the bot itself: a small model may answer as if it were nothing. The rules and numbers
are data, `conduct.toml`; an operator may add to them, and may switch either off, which /safety and the log then say.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import structlog
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from bot.core.errors import CompanionError
from bot.core.live import Live
from bot.core.messages import Conversation
from bot.core.settings import Settings
from bot.core.store import ROOT, Keys, Store
from bot.core.texts import tell
from bot.core.wrong import wrong

log = structlog.get_logger()

SHIPPED = Path(__file__).with_name("conduct.toml")
_COUNTS = f"{ROOT}:care"
_INTERNATIONAL = "international"
_FOR_EVER = -1
"""What Redis says is left of a key that does not expire."""
_STRICT = ConfigDict(extra="forbid")
_Text = Annotated[str, Field(strict=True, min_length=1, max_length=300)]
_Rule = Annotated[str, Field(strict=True, min_length=1, max_length=2000)]
_Place = Annotated[str, Field(pattern=r"^([A-Z]{2}|international)$")]


class BadConduct(CompanionError):
    """The conduct file cannot be read."""


@checked(frozen=True, slots=True, config=_STRICT)
class Resource:
    """Where to call in one country: a line for each language, and the number for a minute of danger."""

    en: _Text
    zh: _Text
    emergency: str = ""

    def line(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@checked(frozen=True, slots=True, config=_STRICT)
class Rules:
    """One file, as it is written."""

    signs: tuple[_Rule, ...] = ()
    asks: tuple[_Rule, ...] = ()
    languages: dict[str, tuple[_Place, ...]] = field(default_factory=dict)
    emergency: dict[str, _Text] = field(default_factory=dict)
    resources: dict[_Place, Resource] = field(default_factory=dict)
    care: bool = True
    disclosure: bool = True


@dataclass(frozen=True)
class Conduct:
    """The rules in force. `file` is the operator's, where there is one."""

    rules: Rules
    signs: tuple[re.Pattern[str], ...]
    asks: tuple[re.Pattern[str], ...]
    file: Path | None = None

    @classmethod
    def of(cls, file: Path | None = None) -> Conduct:
        """Those shipped and the operator's; raises `BadConduct`."""
        shipped = _read(SHIPPED)
        rules = _joined(shipped, _read(file)) if file else shipped
        return cls(rules, _patterns(rules.signs, file), _patterns(rules.asks, file), file)

    def speaks_of_self_harm(self, text: str) -> bool:
        """In whichever language; never where the operator has switched care off."""
        return self.rules.care and _finds(self.signs, text)

    def asks_what_it_is(self, text: str) -> bool:
        """Whether somebody wants to know if this is a person or a program."""
        return self.rules.disclosure and _finds(self.asks, text)

    def emergency(self, language: str, country: str) -> str:
        own = self.rules.resources.get(country)
        return own.emergency if own and own.emergency else self.rules.emergency.get(language, self.rules.emergency["en"])

    def lines(self, language: str, country: str) -> list[str]:
        """Where to call: in the country, else where the language is spoken; and a list of the whole world's."""
        known = self.rules.resources
        places = [country] if country in known else self.rules.languages.get(language, self.rules.languages["en"])
        return [known[place].line(language) for place in (*places, _INTERNATIONAL) if place in known]

    def changes(self) -> list[str]:
        """What the operator's file does, as ends of the texts `safety-…` that tell it."""
        if self.file is None:
            return []
        off = [name for name in ("care", "disclosure") if not getattr(self.rules, name)]
        return [f"without-{name}" for name in off] or ["changed"]


def live_conduct(settings: Settings) -> Live[Conduct]:
    """Follows the operator's file."""
    file = settings.conduct_file
    return Live(lambda: Conduct.of(file), [file] if file else [], _tell)


def warn_of_changes(conduct: Conduct) -> None:
    """Nothing of this is off, or other than shipped, without a word in the log."""
    for change in conduct.changes():
        log.warning("the operator's conduct file is in force", action="conduct", change=change, file=str(conduct.file))


class CareCount:
    """How often care was given, a month: a number and nothing about anybody."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def add(self, month: str) -> None:
        self._redis.hincrby(_COUNTS, month, 1)

    def by_month(self) -> dict[str, int]:
        counts: Any = self._redis.hgetall(_COUNTS)
        return {month.decode(): int(num) for month, num in sorted(counts.items())}


class Disclosures:
    """Who has been told lately that this is an AI. What is due is due again for who was erased, and that is right."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def take(self, conversation: Conversation, hours: float) -> bool:
        """Whether it is time to tell the person; it is then taken as told. 0 hours is once and never again."""
        name = _told(conversation)
        if not hours:
            self._redis.persist(name)
            return bool(self._redis.set(name, "1", nx=True))
        pipe = self._redis.pipeline(transaction=False)
        pipe.pttl(name)
        pipe.set(name, "1", nx=True, px=_ms(hours))
        left, is_new = pipe.execute()
        if left == _FOR_EVER:  # told while there was no interval
            self.told(conversation, hours)
        return bool(is_new) or left == _FOR_EVER

    def told(self, conversation: Conversation, hours: float) -> None:
        """The person has just been told, in whatever words."""
        self._redis.set(_told(conversation), "1", px=_ms(hours) if hours else None)


def _ms(hours: float) -> int:
    return int(hours * 3_600_000) or 1


def _told(conversation: Conversation) -> str:
    return Keys(conversation.surface).of_person(conversation.person, "disclosed")


def _finds(patterns: tuple[re.Pattern[str], ...], text: str) -> bool:
    plain = " ".join(text.lower().replace("’", "'").split())
    return any(pattern.search(plain) for pattern in patterns)


def _patterns(rules: tuple[str, ...], file: Path | None) -> tuple[re.Pattern[str], ...]:
    """Each by itself: joined into one, a rule's flags would be refused, and its groups would have other numbers."""
    return tuple(_pattern(rule, file) for rule in rules)


def _pattern(rule: str, file: Path | None) -> re.Pattern[str]:
    try:
        return re.compile(rule)
    except (re.error, OverflowError) as problem:  # of a number of repetitions that is too large
        raise BadConduct(tell("conduct-not-a-rule", file=str(file), rule=rule, problem=str(problem))) from None


def _read(file: Path) -> Rules:
    try:
        return _RULES.validate_python(tomllib.loads(file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise BadConduct(tell("file-not-toml", file=str(file), problem=str(problem))) from problem
    except ValidationError as problem:
        error = problem.errors()[0]
        key = ".".join(str(part) for part in error["loc"])
        raise BadConduct(tell("file-wrong", file=str(file), name=key, problem=wrong(error))) from None


_RULES = TypeAdapter(Rules)


def _joined(shipped: Rules, own: Rules) -> Rules:
    return Rules(
        shipped.signs + own.signs,
        shipped.asks + own.asks,
        shipped.languages | own.languages,
        shipped.emergency | own.emergency,
        shipped.resources | own.resources,
        own.care,
        own.disclosure,
    )


def _tell(problem: str) -> None:
    log.warning("the conduct file is broken; the last good one stays", action="reload_failed", error=problem)
