"""The settings that may change while a process runs: those in `companion.toml` and `.env` that nothing was built on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog

from bot.core.live import Live
from bot.core.personas import Personas
from bot.core.settings import TOML_FILE, Settings, load

log = structlog.get_logger()

RELOADED = frozenset(
    {
        "access",
        "admins",
        "country",
        "daily_tokens",
        "disclosure_hours",
        "inbox_lines",
        "language",
        "line_bytes",
        "merge_seconds",
        "messages_per_minute",
        "owners",
        "persona",
        "person_replies",
        "retention_days",
        "thinking",
        "waiting_conversations",
    }
)


def live_settings(start: Settings) -> Live[Settings]:
    """`start`, and from then on what the files say; a setting of the environment stays what it was."""
    reloading = _Reloading(start)
    return Live(reloading.again, [Path(TOML_FILE), Path(".env")], _tell, first=start)


class _Reloading:
    def __init__(self, start: Settings) -> None:
        self._now, self._told = start, set[str]()

    def again(self) -> Settings:
        """Raises `SettingsError`, or `BadPersona` and `UnknownPersona` for a persona that is not to be had."""
        fresh = load()
        changed = {name for name in Settings.model_fields if getattr(fresh, name) != getattr(self._now, name)}
        self._ask_for_restart(changed - RELOADED)
        update: dict[str, Any] = {name: getattr(fresh, name) for name in changed & RELOADED}
        wished = self._now.model_copy(update=update)
        if wished.persona != self._now.persona:
            Personas.of(wished)
        self._now = wished
        return wished

    def _ask_for_restart(self, names: set[str]) -> None:
        if names - self._told:
            log.warning("changed settings that need a restart", action="needs_restart", settings=", ".join(sorted(names)))
        self._told = names


def _tell(problem: str) -> None:
    log.warning("settings are broken; the last good ones stay", action="reload_failed", error=problem)
