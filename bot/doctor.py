"""What `companion doctor` looks at. Every question has a short timeout, and one bad answer does not hide the next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

from pydantic import SecretStr, ValidationError
from redis.exceptions import RedisError

from bot.conduct import Conduct
from bot.core.checks import GIB, Check, free_memory
from bot.core.errors import CompanionError, SettingsError
from bot.core.personas import Personas
from bot.core.settings import PREFIX, Settings, load
from bot.redis_doctor import key_file_check, quick_store, redis_checks, redis_is_down, url_of, worker_here
from bot.telegram_doctor import telegram_check

_WORKERS_SECONDS = 90
_LEAST_DISK, _LEAST_MEMORY = GIB, GIB // 2

_TELEGRAM = re.compile(r"\d{6,}:[\w-]{35}")
_DISCORD = re.compile(r"[\w-]{18,}\.[\w-]{6,}\.[\w-]{27,}")


def checks() -> Iterator[Check]:
    """All checks, each as soon as it is done."""
    yield _python()
    problems, settings = _settings()
    yield from problems
    yield _personas(settings)
    yield _conduct(settings)
    url = yield from _storage(settings)
    yield (token := _token("telegram", settings.telegram_token, _TELEGRAM, "copy it again from @BotFather"))
    if token.ok and settings.telegram_token is not None:
        yield telegram_check(settings)
    yield _token("discord", settings.discord_token, _DISCORD, "make a new one on https://discord.com/developers, page Bot")
    yield _disk(settings.data_dir)
    yield _memory()
    yield from _workers(url, all(check.ok for check in problems), ("transformers",) * settings.loads_weights)


def probe(part: str) -> Iterator[Check]:
    """A health check that is done in a second: `redis`, or `worker` for the one on this machine."""
    settings = load()
    url = url_of(settings)
    if url is None:
        yield redis_is_down(settings)
        return
    with quick_store(url) as store:
        try:
            store.redis.ping()
            yield worker_here(store) if part == "worker" else Check("redis", True, "answers")
        except (RedisError, OSError) as problem:
            yield redis_is_down(settings, problem)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _settings() -> tuple[list[Check], Settings]:
    try:
        settings = load()
    except SettingsError as problem:
        fix = "mend it in the environment, .env or companion.toml"
        return [Check("settings", False, line, fix) for line in str(problem).splitlines()], _usable()
    num_set = len(settings.model_fields_set)
    return [Check("settings", True, f"{num_set} set, the others have their defaults")], settings


def _personas(settings: Settings) -> Check:
    try:
        names = [persona.name for persona in Personas.of(settings).all()]
    except CompanionError as problem:
        fix = "mend the file, or COMPANION_PERSONA and COMPANION_PERSONA_DIR; companion persona list"
        return Check("personas", False, str(problem).splitlines()[0], fix)
    return Check("personas", True, f"{settings.persona} of {', '.join(names)}")


def _conduct(settings: Settings) -> Check:
    """An operator may change it; whoever looks shall see that."""
    try:
        conduct = Conduct.of(settings.conduct_file)
    except CompanionError as problem:
        return Check("conduct", False, str(problem), "mend the file, or unset COMPANION_CONDUCT_FILE")
    off = [change.removeprefix("without-") for change in conduct.changes() if change != "changed"]
    by = f", by {conduct.file}" if conduct.file else ""
    return Check("conduct", True, f"SWITCHED OFF: {' and '.join(off)}{by}" if off else f"rules and crisis lines in force{by}")


def _usable() -> Settings:
    """The settings with the default in place of each wrong one, so that the rest can be looked at."""
    try:
        return _with_defaults(_wrong())
    except (OSError, ValueError):  # companion.toml as a whole is wrong
        return Settings.model_construct()


def _wrong() -> set[str]:
    try:
        _with_defaults(set())
    except ValidationError as problem:
        return Settings.model_fields.keys() & {str(error["loc"][0]) for error in problem.errors()}
    return set()


def _with_defaults(names: set[str]) -> Settings:
    fields = Settings.model_fields
    return Settings(**{name: fields[name].get_default(call_default_factory=True) for name in names})


def _storage(settings: Settings) -> Generator[Check, None, str | None]:
    """The checks of Redis and of the key; gives the URL of a Redis that answers."""
    url = url_of(settings)
    if url is None:
        yield redis_is_down(settings)
        yield key_file_check(settings)
        return None
    try:
        with quick_store(url) as store:
            yield from redis_checks(store, settings)
    except (RedisError, OSError, ValueError) as problem:
        yield redis_is_down(settings, problem)
        yield key_file_check(settings)
        return None
    return url


def _token(platform: str, token: SecretStr | None, form: re.Pattern[str], fix: str) -> Check:
    """The token itself is never shown."""
    name, setting = f"{platform} token", f"{PREFIX}{platform.upper()}_TOKEN"
    if token is None:
        return Check(name, True, f"not set, so no {platform.title()}")
    if not form.fullmatch(token.get_secret_value()):
        return Check(name, False, f"{setting} does not look like one", fix)
    return Check(name, True, "set, and of the right form")


def _disk(folder: Path) -> Check:
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    fix = f"free some space under {place}, or set {PREFIX}DATA_DIR to another disk"
    return Check("disk", free >= _LEAST_DISK, f"{free / GIB:.1f} GiB free for {folder}", fix)


def _memory() -> Check:
    free = free_memory()
    if free is None:
        return Check("memory", True, "how much is free could not be asked here")
    return Check("memory", free >= _LEAST_MEMORY, f"{free / GIB:.1f} GiB free", "end programs that are not needed")


def _workers(url: str | None, settings_are_right: bool, needs: tuple[str, ...]) -> Iterator[Check]:
    """The worker's half is asked as a process of its own: nothing of it is imported here."""
    if not settings_are_right:
        yield Check("model", False, "not looked at while a setting is wrong")
    elif all(find_spec(name) for name in ("workers", *needs)):
        yield from _ask_workers(url)
    else:
        yield Check("model", True, "not looked at: transformers is not installed here, so no model runs here")


def _ask_workers(url: str | None) -> Iterator[Check]:
    environment = os.environ | ({f"{PREFIX}REDIS_URL": url} if url else {})
    command = [sys.executable, "-m", "workers", "doctor"]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_WORKERS_SECONDS
        )
    except subprocess.TimeoutExpired:
        yield Check("model", False, f"`python -m workers doctor` did not end within {_WORKERS_SECONDS} s")
        return
    found = [check for check in map(Check.parse, done.stdout.splitlines()) if check]
    yield from found
    if done.returncode and all(check.ok for check in found):
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Check("model", False, f"`python -m workers doctor` failed: {last}")
