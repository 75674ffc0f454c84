"""What can go wrong that a person can mend. The text says what to do; the docstring is the default text.

* CompanionError
  + SettingsError
  + BadConversation
  + StoreUnavailable
  + WrongKey
  + UnknownPersona
  + BadPersona
"""

from __future__ import annotations


class CompanionError(Exception):
    """Something went wrong that has a remedy."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SettingsError(CompanionError):
    """A setting is missing, unknown or has a wrong value."""


class BadConversation(CompanionError):
    """A conversation id has characters or parts that it must not have."""


class StoreUnavailable(CompanionError):
    """Could not reach Redis. Is it running? `companion doctor` checks."""


class WrongKey(CompanionError):
    """The memory key does not open what is stored. Set COMPANION_MEMORY_KEY or restore the key file that was used before."""


class UnknownPersona(CompanionError):
    """There is no persona of that name. `companion persona list` shows those that exist."""


class BadPersona(CompanionError):
    """A persona file cannot be read."""
