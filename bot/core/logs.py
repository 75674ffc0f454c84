"""Logging: structlog to stderr, one event a line.

Tokens, and ids in names of ours, are blotted out wherever they turn up. Message text is never logged, unless
COMPANION_LOG_TEXT says so to find a fault. Every step of a message is one line with its `trace`: one search finds it in the
logs of all processes.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

# Telegram: digits:35 characters, in its URLs right after "bot"; Discord: three parts joined by dots; any password in a URL.
# And ids: a key of ours, which Redis's library puts into its errors, and a whole conversation.
_SECRETS = re.compile(
    r"\d{6,}:[\w-]{30,}|[\w-]{23,}\.[\w-]{6,7}\.[\w-]{27,}|(?<=://)[^/\s]*:[^@/\s]+(?=@)"
    r"|companion:\{[^}\s]*\}:[\w.@:-]+|\b[a-z]+(?::[\w.@-]{1,64}){4}"
)
_HIDDEN = "***"
CHATTY = ("httpx", "httpcore", "telegram", "discord", "kombu", "amqp", "celery", "celery.redirected", "asyncio")


def set_up(level: str, form: str = "text", *, shows_text: bool = False, process: str = "") -> None:
    """Send structlog and the standard library's logging the same way. `shows_text` is not done here, only warned of.

    `process` stands on every line, where several processes write to one place.
    """
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _plain()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        *([_naming(process)] if process else []),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        blot_secrets,
    ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, last],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
    )
    _adopt_standard_logging(shared, last, threshold)
    if shows_text:
        structlog.get_logger().warning("what people write goes into this log at level debug: unset COMPANION_LOG_TEXT soon")


@contextmanager
def context(**values: str) -> Iterator[None]:
    """These values on every line of this thread. What is bound within, however deep, goes at the end."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**values)
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()


def blot_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A processor: no value may carry a token, a password or somebody's id out of the process."""
    return {key: _SECRETS.sub(_HIDDEN, value) if isinstance(value, str) else value for key, value in event.items()}


def _naming(process: str) -> Processor:
    return lambda _logger, _method, event: {**event, "process": process}


def where(problem: BaseException) -> str:
    """The place an exception came from. Its text stays out of logs: it may quote what a person wrote."""
    *_, last = traceback.extract_tb(problem.__traceback__) or [None]
    return f"{last.filename}:{last.lineno}" if last else "unknown"


def _plain() -> Processor:
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback)


def _adopt_standard_logging(shared: list[Processor], last: Processor, threshold: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, blot_secrets, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
