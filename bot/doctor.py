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
from bot.core.texts import tell
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
    yield (token := _token("Telegram", settings.telegram_token, _TELEGRAM))
    if token.ok and settings.telegram_token is not None:
        yield telegram_check(settings)
    yield _token("Discord", settings.discord_token, _DISCORD)
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
            yield worker_here(store) if part == "worker" else Check.told("redis", True, "doctor-redis-answers")
        except (RedisError, OSError) as problem:
            yield redis_is_down(settings, problem)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check.told("python", sys.version_info >= (3, 11), "doctor-python", version=version)


def _settings() -> tuple[list[Check], Settings]:
    try:
        settings = load()
    except SettingsError as problem:
        lines = str(problem).splitlines()
        return [Check.told("settings", False, "doctor-settings-wrong", problem=line) for line in lines], _usable()
    return [Check.told("settings", True, "doctor-settings", count=len(settings.model_fields_set))], settings


def _personas(settings: Settings) -> Check:
    try:
        names = [persona.name for persona in Personas.of(settings).all()]
    except CompanionError as problem:
        return Check.told("personas", False, "doctor-personas-wrong", problem=str(problem).splitlines()[0])
    return Check.told("personas", True, "doctor-personas", persona=settings.persona, names=", ".join(names))


def _conduct(settings: Settings) -> Check:
    """An operator may change it; whoever looks shall see that."""
    try:
        conduct = Conduct.of(settings.conduct_file)
    except CompanionError as problem:
        return Check.told("conduct", False, "doctor-conduct-wrong", problem=str(problem))
    off = [change.removeprefix("without-") for change in conduct.changes() if change != "changed"]
    if off:
        return Check.told("conduct", True, "doctor-conduct-off", off="-".join(off), file=str(conduct.file))
    return Check.told("conduct", True, "doctor-conduct-own" if conduct.file else "doctor-conduct", file=str(conduct.file))


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


def _token(platform: str, token: SecretStr | None, form: re.Pattern[str]) -> Check:
    """The token itself is never shown."""
    what = f"{platform.lower()}-token"
    if token is None:
        return Check.told(what, True, "doctor-token-none", platform=platform)
    if not form.fullmatch(token.get_secret_value()):
        return Check.told(what, False, "doctor-token-odd", name=f"{PREFIX}{platform.upper()}_TOKEN", platform=platform)
    return Check.told(what, True, "doctor-token-form")


def _disk(folder: Path) -> Check:
    place = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    values = {"free": f"{free / GIB:.1f}", "folder": str(folder), "place": str(place)}
    return Check.told("disk", free >= _LEAST_DISK, "doctor-disk", **values)


def _memory() -> Check:
    free = free_memory()
    if free is None:
        return Check.told("memory", True, "doctor-memory-unknown")
    return Check.told("memory", free >= _LEAST_MEMORY, "doctor-memory", free=f"{free / GIB:.1f}")


def _workers(url: str | None, settings_are_right: bool, needs: tuple[str, ...]) -> Iterator[Check]:
    """The worker's half is asked as a process of its own: nothing of it is imported here."""
    if not settings_are_right:
        yield Check.told("model", False, "doctor-model-settings")
    elif all(find_spec(name) for name in ("workers", *needs)):
        yield from _ask_workers(url)
    else:
        yield Check.told("model", True, "doctor-model-elsewhere")


def _ask_workers(url: str | None) -> Iterator[Check]:
    environment = os.environ | ({f"{PREFIX}REDIS_URL": url} if url else {})
    command = [sys.executable, "-m", "workers", "doctor"]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_WORKERS_SECONDS
        )
    except subprocess.TimeoutExpired:
        yield Check.told("model", False, "doctor-model-late", seconds=_WORKERS_SECONDS)
        return
    found = [check for check in map(Check.parse, done.stdout.splitlines()) if check]
    yield from found
    if done.returncode and all(check.ok for check in found):
        last = (done.stderr.strip().splitlines() or [tell("no-reason")])[-1]
        yield Check.told("model", False, "doctor-model-broken", words=last)
