"""Kinds of settings that pydantic does not know. What is wrong with one has the text `value-` and the error's name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode
from redis.connection import parse_url

_LOCALES = Path(__file__).parents[1] / "locales"  # a language is a file there, and nothing else
_OF_REDIS = ("redis://", "rediss://", "unix://")


def split(value: Any) -> Any:
    """Names that stand in one line, with commas between them."""
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


def _people(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[a-z]+:[A-Za-z0-9_.@-]{1,64}", name):
            raise PydanticCustomError("people", "not people")
    return names


def _language(language: str) -> str:
    known = sorted(file.stem for file in _LOCALES.glob("*.ftl"))
    if language not in known:
        raise PydanticCustomError("language", "no texts", {"known": ", ".join(known)})
    return language


def _redis(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(_OF_REDIS):
        raise PydanticCustomError("redis", "not a URL of Redis")
    return _broker(url)


def _broker(url: SecretStr) -> SecretStr:
    """Where a sign of a password ends the host, the client's own words would show what stands before it."""
    if url.get_secret_value().startswith(_OF_REDIS) and not _can_be_followed(url.get_secret_value()):
        raise PydanticCustomError("redis_parts", "no port or database")
    return url


def _can_be_followed(url: str) -> bool:
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return False
    parts = urlsplit(url)
    return parts.scheme == "unix" or (re.fullmatch(r"/?\d*", parts.path) is not None and not parts.fragment)


def _hosts(urls: SecretStr) -> SecretStr:
    for url in split(urls.get_secret_value()):
        if not re.match(r"https?://[^/\s]", url) or not _has_host(url):
            raise PydanticCustomError("host", "no host")
    return urls


def _has_host(url: str) -> bool:
    """And a port that can be, if any: whoever asks for either of others gets an error."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _key(key: SecretStr) -> SecretStr:
    """Nothing else can stand in the head of a request."""
    value = key.get_secret_value().strip()
    if not re.fullmatch("[!-~]*", value):
        raise PydanticCustomError("key", "not a key")
    return SecretStr(value)


def _at_home(place: Path) -> Path:
    """As a shell reads it, which a file of settings never meets; a name that nobody has stays as it is."""
    return Path(os.path.expanduser(place))


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
People = Annotated[Names, AfterValidator(_people)]
Language = Annotated[str, AfterValidator(_language)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]
HttpUrls = Annotated[SecretStr, AfterValidator(_hosts)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Place = Annotated[Path, AfterValidator(_at_home)]
