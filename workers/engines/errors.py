"""What can go wrong with an engine. Texts are for the person who runs the service.

* EngineError (a CompanionError)
  + EngineLoadFailed
  + EngineNotReady
  + EngineDied
"""

from __future__ import annotations

from bot.core.errors import CompanionError


class EngineError(CompanionError):
    """The engine that makes the replies has a problem."""


class EngineLoadFailed(EngineError):
    """The model could not be loaded. `heals` says whether trying again later, with nothing changed, can help."""

    def __init__(self, message: str | None = None, *, heals: bool = False) -> None:
        super().__init__(message)
        self.heals = heals


class EngineNotReady(EngineError):
    """The model is still loading."""


class EngineDied(EngineError):
    """The engine process ended in the middle of a reply."""

    key = "engine-died"
