"""Personas: who the companion is. One TOML file each; the owner's folder overrides the shipped one by name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, with_config

from bot.core.errors import BadPersona, UnknownPersona
from bot.core.messages import Thinking

Language = Literal["en", "zh"]

SHIPPED = Path(__file__).parents[1] / "personas"
DEFAULT = "wren"
MAX_NAME = 32  # characters of a person's name that reach the model

_SOMEBODY: dict[Language, str] = {"en": "Friend", "zh": "朋友"}
_MACRO = re.compile(r"\{\{\s*(char|user)\s*\}\}", re.IGNORECASE)
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def _without_rule(text: str) -> str:
    if any(line.strip() == "---" for line in text.splitlines()):
        raise ValueError("a line that is only --- ends the persona in the prompt and cannot be part of it")
    return text


def _text(most: int) -> Any:
    rules = StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=most)
    return Annotated[str, rules, AfterValidator(_without_rule)]
