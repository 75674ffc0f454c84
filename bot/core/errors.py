"""What can go wrong that a person can mend. The text says what to do; it stands in `locales/shell` under the error's `key`.

* CompanionError
  + SettingsError
  + BadConversation
  + StoreUnavailable
  + WrongKey
  + UnknownPersona
  + BadPersona
"""

from __future__ import annotations

from typing import ClassVar

from bot.core.texts import tell


class CompanionError(Exception):
    """Something went wrong that has a remedy."""

    key: ClassVar[str] = ""
    """Of the text that is told where none is given; what never comes before a person has none."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (tell(self.key) if self.key else self.__doc__))


class SettingsError(CompanionError):
    """A setting is missing, unknown or has a wrong value."""


class BadConversation(CompanionError):
    """A conversation id has characters or parts that it must not have."""


class StoreUnavailable(CompanionError):
    """Redis cannot be reached."""

    @classmethod
    def because(cls, problem: Exception) -> StoreUnavailable:
        return cls(tell("redis-lost", problem=str(problem)))


class WrongKey(CompanionError):
    """The memory key does not open what is stored."""

    key = "wrong-key"


class UnknownPersona(CompanionError):
    """There is no persona of that name."""


class BadPersona(CompanionError):
    """A persona file cannot be read."""
