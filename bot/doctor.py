"""What `companion doctor` looks at. Every question has a short timeout, and one bad answer does not hide the next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis
from pydantic import ValidationError
from redis.exceptions import RedisError, ResponseError

from bot import adapters
from bot.core.checks import GIB, Check, free_memory
from bot.core.errors import CompanionError, SettingsError, StoreUnavailable
from bot.core.messages import Conversation, load_line
from bot.core.presence import Presence, WorkerState
from bot.core.settings import PREFIX, Settings, load
from bot.core.store import Keys, Store
from bot.core.vault import Forgotten, Vault, key_file, master_key, was_used
from bot.embedded import OLDEST, EmbeddedRedis, find_server

_SOCKET_SECONDS = 2
_WORKERS_SECONDS = 90
_MAX_WAIT_SECONDS = 60
_MAX_LOOKED_AT = 200
_LEAST_DISK, _LEAST_MEMORY = GIB, GIB // 2

_TOKENS = {
    "telegram": (re.compile(r"\d{6,}:[\w-]{35}"), "digits, a colon and 35 characters", "copy it again from @BotFather"),
    "discord": (
        re.compile(r"[\w-]{18,}\.[\w-]{6,}\.[\w-]{27,}"),
        "three parts joined by dots",
        "reset it on https://discord.com/developers/applications, page Bot",
    ),
}


def checks() -> Iterator[Check]:
    """All checks, each as soon as it is done."""
    yield _python()
    problems, settings = _settings()
    yield from problems
    url = yield from _redis(settings)
    yield from _tokens(settings)
    yield _disk(settings.data_dir)
    yield _memory()
    yield from _worker_side(url, not all(check.ok for check in problems))


def probe(part: str) -> Iterator[Check]:
    """A health check that is done in a second: `redis`, or `worker` for the one on this machine."""
    settings = load()
    store = _quick_store(_url(settings))
    try:
        store.redis.ping()
        yield _worker_here(Presence(store).workers()) if part == "worker" else Check("redis", True, "answers")
    except (RedisError, OSError) as problem:
        yield Check("redis", False, f"does not answer ({problem})")
    finally:
        store.close()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _settings() -> tuple[list[Check], Settings]:
    try:
        settings = load()
    except SettingsError as problem:
        fix = "mend it in the environment, .env or companion.toml"
        return [Check("settings", False, line, fix) for line in str(problem).splitlines()], _usable()
    num = len(settings.model_fields_set)
    return [Check("settings", True, f"{num} set, the others have their defaults")], settings


def _usable() -> Settings:
    """The settings with the default in place of each wrong one, so that the rest can be looked at."""
    try:
        return Settings()
    except ValidationError as problem:
        wrong = {str(error["loc"][0]) for error in problem.errors()} & Settings.model_fields.keys()
    except (OSError, ValueError):
        return Settings.model_construct()
    fields = Settings.model_fields
    try:
        return Settings(**{name: fields[name].get_default(call_default_factory=True) for name in wrong})
    except ValueError:
        return Settings.model_construct()


def _redis(settings: Settings) -> Iterator[Check]:
    ...


