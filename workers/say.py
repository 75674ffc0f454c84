"""One prompt through the model, without queue and memory: the shortest way to see whether a model works."""

from __future__ import annotations

import sys
import time

from bot.core.languages import written_in
from bot.core.messages import Conversation, Line
from bot.core.personas import Personas
from bot.core.settings import Settings
from workers.engines.errors import EngineError
from workers.engines.process import EngineProcess
from workers.heart import Watch
from workers.models import choose, remark
from workers.texts import language, say
from workers.tokenizer import load_tokenizer
from workers.writer import Task, Writer

_NOBODY = Conversation("shell", "local", "0", "0", "0")
_LOAD_SECONDS = 3600.0


def say_once(settings: Settings, text: str) -> None:
    """Print the answer on stdout; progress and remarks go to stderr."""
    options = choose(settings)
    if line := remark(options):
        _note(line)
    with EngineProcess(options, _progress) as engine:
        limits = engine.wait_ready(_LOAD_SECONDS)
        tokenizer = load_tokenizer(options.engine, options.model, options.api)
        writer = Writer(engine, lambda: tokenizer, lambda: limits, settings)
        _, reply = writer.write(_task(settings, text), Watch(settings.reply_seconds), lambda draft: None)
        if not reply.answer:
            raise EngineError(say(language(), "say-nothing"))
        print(reply.answer)
        if reply.end == "cut":
            _note(say(language(), "say-cut"))


def _task(settings: Settings, text: str) -> Task:
    persona = Personas.of(settings).get(settings.persona)
    line = Line(text, "0", "0", "", time.time())
    thinking = persona.thinking or settings.thinking
    return Task("say", _NOBODY, 1, (line,), (), 0, persona, thinking, written_in(text))


def _progress(stage: str, detail: str) -> None:
    _note(f"{say(language(), 'stage', stage=stage)} {detail}".rstrip())


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
