"""Every setting of Companion: from the environment (`COMPANION_*`), a `.env` file and an optional `companion.toml`.

The order of precedence is the environment, `.env`, `companion.toml`, the default. A setting nobody knows stops the start.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.sources import DotEnvSettingsSource

from bot.core.errors import SettingsError
from bot.core.messages import Thinking
from bot.core.setting_kinds import BrokerUrl, HttpUrls, Key, Language, Names, People, Place, RedisUrl
from bot.core.texts import tell
from bot.core.wrong import wrong

PREFIX = "COMPANION_"
TOML_FILE = "companion.toml"


class Settings(BaseSettings):
    """Values as the program uses them; units are in the names or the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        toml_file=TOML_FILE,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    telegram_token: SecretStr | None = Field(None, description="Bot token from @BotFather; without it no Telegram")
    telegram_streaming: Literal["auto", "draft", "edit", "off"] = Field(
        "auto", description="How replies grow there: `draft`s, `edit`s, `off`; `auto` is a draft for the thought, then edits"
    )
    age_hours: float = Field(24, gt=0, description="What was written longer ago, while nothing ran, is not answered")
    telegram_url: str | None = Field(None, pattern="^https?://[^/]+", description="Bot API server of your own, not Telegram's")
    telegram_webhook_url: str | None = Field(
        None, pattern="^https?://[^/]+", description="Where Telegram is to bring what people write; unset, it is fetched"
    )
    telegram_webhook_listen: str = Field(
        "127.0.0.1:8443",
        pattern=r"^[^/\s]*:\d{1,5}$",
        description="Address and port to which a proxy hands on what comes there",
    )
    telegram_calls: float = Field(
        25, gt=0, description="Most calls a second to Telegram; it allows a bot about 30, unless you pay for more"
    )
    discord_token: SecretStr | None = Field(None, description="Bot token of the Discord application; without it no Discord")
    discord_streaming: Literal["edit", "off"] = Field("edit", description="How replies grow there: by `edit`s, or not: `off`")
    discord_message_content: bool = Field(
        False, description="Hear messages that do not name the bot: in its threads, and by `discord_names`; a privileged intent"
    )
    discord_names: Names = Field((), description="Words at the head of a message that call the bot there, several with commas")
    discord_url: str | None = Field(None, pattern="^https?://[^/]+", description="API server of your own, such as a proxy")
    model: str = Field("bundled", description="Short name, Hugging Face id, folder or GGUF file; `bundled` is in the box")
    engine: Literal["auto", "echo", "paged", "transformers", "llamacpp", "vllm", "openai"] = Field(
        "auto", description="What runs the model; `echo` needs none, `openai` asks a server, `llamacpp` and `vllm` are extras"
    )
    openai_urls: HttpUrls | None = Field(
        None, description="OpenAI-compatible servers that have the model, several with commas, such as http://localhost:8000/v1"
    )
    openai_key: Key | None = Field(None, description="Their API key, if they ask for one")
    openai_model: str = Field("", description="The model's name there; unset is the one they have")
    openai_api: Literal["chat", "completions"] = Field(
        "chat", description="`completions`: only for R1 and its distills, whose thoughts can then be limited"
    )
    openai_first_seconds: float = Field(120, gt=0, description="Longest wait for a server's first word")
    openai_next_seconds: float = Field(30, gt=0, description="Longest silence of a server between two words")
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="Where the model runs")
    weights: Literal["whole", "fp8"] = Field(
        "whole",
        description="`fp8` rounds them to 8 bits: quicker, 60 % of the memory; only engine `paged`, NVIDIA GPUs since Ada",
    )
    gpus: int = Field(1, ge=1, description="GPUs over which one model is spread; only the engine `vllm` can use several")
    context_tokens: int = Field(
        8192, ge=512, description="Most tokens of prompt and reply together; less if the model takes less"
    )
    answer_tokens: int = Field(1024, ge=16, description="Most tokens of an answer")
    thought_tokens: int = Field(1024, ge=16, description="Most tokens of a thought; then it is closed and the answer follows")
    slots: int = Field(32, ge=1, le=1024, description="Replies a worker makes at once")
    worker_processes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Processes of a worker, which share its engine; unset is one for each 32 slots, at most 8 and one a core",
    )
    reply_seconds: float = Field(600, gt=0, description="A reply that takes longer ends with words of regret")
    persona: str = Field("default", description="Who the companion is, unless a person or a chat chose another")
    persona_dir: Place | None = Field(None, description="Folder with persona files of your own (`*.toml`)")
    language: Language = Field(
        "en", description="Language of the bot's own texts where the person's is not known, and of the shell: `en` or `zh`"
    )
    thinking: Thinking = Field("hide", description="Thoughts: `hide`, `show`, or `off` for quick chat without any")
    merge_seconds: float = Field(0.6, ge=0, le=10, description="Lines sent within this time of each other become one turn")
    inbox_lines: int = Field(50, ge=1, description="Most lines of one conversation that may wait for an answer")
    line_bytes: int = Field(16_000, ge=100, description="Longest message taken, in bytes of UTF-8")
    memory_turns: int = Field(1000, ge=1, description="Turns kept for each conversation; older ones are dropped")
    memory_key: SecretStr | None = Field(None, description="Encrypts memory: 32 bytes in base64; else a key file is made")
    lease_seconds: float = Field(6, ge=1, description="How long a conversation waits for a worker that went silent")
    owners: People = Field(
        (), description="Who the bot belongs to: `platform:user id`, several with commas; they get its alerts"
    )
    admins: People = Field((), description="Who else may use /admin: `platform:user id`, several with commas")
    access: Literal["open", "invite"] = Field("open", description="`invite`: only who was allowed or has an invite code")
    messages_per_minute: int = Field(20, ge=0, description="Most messages of one person in a minute; 0 is no limit")
    daily_tokens: int = Field(0, ge=0, description="Most tokens written for one person in a day (UTC); 0 is no limit")
    person_replies: int = Field(2, ge=1, description="Replies made at once for one person who writes in several chats")
    waiting_conversations: int = Field(
        100_000, ge=1, description="Most conversations of a bot account that may wait for an answer; more are refused"
    )
    retention_days: int = Field(0, ge=0, description="Everything about a person who is silent this long is erased; 0 is never")
    disclosure_hours: float = Field(
        3, ge=0, description="How often people are reminded that this is an AI; 0 is only at the start"
    )
    country: str = Field(
        "", pattern="^([A-Z]{2})?$", description="Whose crisis lines come first, such as `US`; by language if unset"
    )
    conduct_file: Place | None = Field(
        None, description="TOML file with rules and crisis lines of your own, beside those shipped"
    )
    redis_url: RedisUrl | None = Field(None, description="Redis to use, as a URL; without it one is started")
    broker_url: BrokerUrl | None = Field(None, description="Celery's broker, if it is not the same Redis")
    data_dir: Place = Field(
        default_factory=lambda: user_data_path("companion", appauthor=False),
        description="Folder for Redis's data, the key file and locks",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="How much goes to stderr")
    log_format: Literal["text", "json"] = Field("text", description="`json` writes one object a line")
    log_text: bool = Field(False, description="Puts what people write into the logs, to find a fault; never leave it on")
    metrics_port: int | None = Field(
        None, ge=1, le=65_500, description="Prometheus metrics: the worker here, Telegram +1, Discord +2, the terminal +3"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address on which metrics are shown; `0.0.0.0` for a Prometheus on another machine"
    )

    @property
    def loads_weights(self) -> bool:
        """Whether a worker with these settings runs a model itself, and needs its tokenizer."""
        return self.engine not in ("auto", "echo", "openai") or (self.engine == "auto" and self.openai_urls is None)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _OursInDotEnv(settings_cls), TomlConfigSettingsSource(settings_cls)


class _OursInDotEnv(DotEnvSettingsSource):
    """A `.env` is often shared with Docker Compose: lines without our prefix are not ours to judge."""

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if name in Settings.model_fields}


def load(**overrides: Any) -> Settings:
    """Read and check all settings; raises `SettingsError` naming the setting, what was given and what is allowed."""
    try:
        _refuse_unknown(name for name in _given_names() if name.lower() not in _known_names())
        return Settings(**overrides)
    except ValidationError as problem:
        raise SettingsError("\n".join(_explain(error) for error in problem.errors())) from None
    except (OSError, ValueError) as problem:
        raise SettingsError(tell("settings-unreadable", file=TOML_FILE, problem=str(problem))) from None


def make_data_dir(settings: Settings) -> None:
    """Make the data folder where there is none; raises `SettingsError` when it cannot be written."""
    name, folder = f"{PREFIX}DATA_DIR", settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        why = problem.strerror or "?"
        raise SettingsError(tell("data-folder-not-made", name=name, folder=str(folder), problem=why)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(tell("data-folder-read-only", name=name, folder=str(folder)))


def _known_names() -> set[str]:
    return {PREFIX.lower() + name for name in Settings.model_fields}


def _given_names() -> Iterable[str]:
    from dotenv import dotenv_values

    names = [*os.environ, *dotenv_values(".env", interpolate=False)]
    return (name for name in names if name.upper().startswith(PREFIX))


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        near = difflib.get_close_matches(name.lower().removeprefix(PREFIX.lower()), Settings.model_fields, n=1)
        if near:
            raise SettingsError(tell("setting-unknown-near", name=name.upper(), near=PREFIX + near[0].upper()))
        raise SettingsError(tell("setting-unknown", name=name.upper()))


def _explain(error: ErrorDetails) -> str:
    """One line for one wrong value. Secrets are named, never shown."""
    name = str(error["loc"][0])
    if name not in Settings.model_fields:
        return tell("setting-unknown-in-file", name=name, file=TOML_FILE)
    secret = "SecretStr" in str(Settings.model_fields[name].annotation)
    given = tell("setting-hidden") if secret else repr(_given_value(name, error))
    problem = wrong(error)
    return tell("setting-wrong", name=PREFIX + name.upper(), given=given, problem=problem[0].lower() + problem[1:])


def _given_value(name: str, error: ErrorDetails) -> Any:
    return error.get("input", os.environ.get(PREFIX + name.upper()))
