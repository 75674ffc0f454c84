"""The chat loop: reads lines, hands them to reception, waits for each reply. Ctrl-C stops a reply, Ctrl-D leaves."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread

from redis.exceptions import RedisError

from bot.adapters.console.pages import Plain, Screen
from bot.adapters.console.surface import ConsoleSurface, Page, conversation_here, language_here
from bot.commands import Commands
from bot.core.errors import CompanionError
from bot.core.messages import Conversation, Incoming, Line
from bot.delivery import Delivery
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front

_LEAVE = "quit"


class AlreadyOpen(CompanionError):
    """Another `companion chat` is open on this data folder; close it first."""


async def run(front: Front) -> None:
    """Chat until the person leaves or the input ends."""
    conversation = conversation_here(front)
    with _only_one(front):
        front.store.add_surface(conversation.surface)
        if sys.stdin.isatty() and sys.stdout.isatty():
            _show_thoughts_by_default(front, conversation)
            await _Chat(front, conversation, Screen(partial(say, _language(front, conversation)))).talk(
                _typed(front, conversation)
            )
        else:
            await _Chat(front, conversation, Plain()).talk(_piped())


class _Chat:
    """One person, one terminal, one line at a time."""

    def __init__(self, front: Front, conversation: Conversation, page: Page) -> None:
        self._front, self._conversation, self._page = front, conversation, page
        self._surface = ConsoleSurface(conversation, page)
        commands = Commands(front.inbox, front.memory, front.people, front.personas, front.settings)
        self._reception = Reception(front.inbox, front.people, commands, front.wakeups, front.settings)

    async def talk(self, lines: AsyncIterator[str]) -> None:
        delivery = Delivery(self._front.outbox(self._conversation.surface), self._surface, self._front.language)
        running = asyncio.create_task(delivery.run())
        try:
            await self._finish_old()
            async for text in lines:
                if not await self._say(text.strip()):
                    break
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def _finish_old(self) -> None:
        """What was asked before the last end, and never answered, is answered first."""
        waiting = await asyncio.to_thread(self._front.inbox.waiting, self._conversation)
        if waiting:
            await asyncio.to_thread(self._front.wakeups.send, self._conversation)
            await self._wait_for_reply(waiting[-1].message_id)

    async def _say(self, text: str) -> bool:
        """One line; false when it was a goodbye."""
        if not text:
            return True
        incoming = self._incoming(text)
        try:
            answer = await self._reception.receive(incoming, merge_seconds=0)
        except RedisError:
            self._page.say(say(self._front.settings.language, "console-lost"))
            return True
        if answer is None:
            await self._wait_for_reply(incoming.line.message_id)
            return True
        self._page.say(answer.text)
        return not answer.leaves

    def _incoming(self, text: str) -> Incoming:
        id = uuid.uuid4().hex
        text = f"/{text}" if text == _LEAVE else text
        return Incoming(self._conversation, Line(text, id, id, self._conversation.person, time.time()), language_here())

    async def _wait_for_reply(self, message_id: str) -> None:
        """Ctrl-C asks to stop; a second one does not wait any longer."""
        self._page.wait()
        waiting = asyncio.create_task(self._surface.wait(message_id))
        with _on_interrupt(partial(self._stop, waiting)):
            await asyncio.wait({waiting})

    def _stop(self, waiting: asyncio.Task[None], presses: int) -> None:
        if presses > 1:
            waiting.cancel()
        else:
            self._stopping = asyncio.create_task(asyncio.to_thread(self._front.inbox.stop, self._conversation))


@contextmanager
def _on_interrupt(action: Callable[[int], None]) -> Iterator[None]:
    """Call `action(number of presses)` at each Ctrl-C while the block runs."""
    presses = 0

    def pressed() -> None:
        nonlocal presses
        presses += 1
        action(presses)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _typed(front: Front, conversation: Conversation) -> AsyncIterator[str]:
    """Lines from the keyboard, with history and editing, until Ctrl-D."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.patch_stdout import patch_stdout

    speak = partial(say, _language(front, conversation))
    _welcome(front, conversation)
    session: PromptSession[str] = PromptSession(history=InMemoryHistory())
    while True:
        try:
            with patch_stdout(raw=True):  # what arrives meanwhile is written above the prompt
                text = await session.prompt_async(f"{speak('console-prompt')} › ")
        except KeyboardInterrupt:
            print(speak("console-stop-hint"))
        except EOFError:
            return
        else:
            yield text


def _welcome(front: Front, conversation: Conversation) -> None:
    """Who is there; and to somebody new, the persona's first words."""
    persona = front.personas.chosen(front.people.preferences(conversation).persona, front.settings.persona)
    print(say(_language(front, conversation), "console-welcome", persona=persona.title))
    if not front.memory.num_turns(conversation):
        print(persona.greet(conversation.person))


def _language(front: Front, conversation: Conversation) -> str:
    return best(front.people.preferences(conversation).language, language_here(), front.settings.language)


async def _piped() -> AsyncIterator[str]:
    """Lines from standard input, each as it comes, until its end."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()
    # A thread of the loop's own pool would have to be waited for, and it may read for ever.
    reader = Thread(target=_read_lines, args=(lambda line: loop.call_soon_threadsafe(lines.put_nowait, line),), daemon=True)
    reader.start()
    while line := await lines.get():
        yield line


def _read_lines(put: Callable[[str], object]) -> None:
    """Not through `sys.stdin`: its lock, held by a thread that waits, would be fatal to the interpreter's own end."""
    rest = b""
    with suppress(RuntimeError):  # the loop has ended before the input
        while data := os.read(0, 65_536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                put(line.decode(errors="replace") + "\n")
        put(rest.decode(errors="replace") + "\n")
        put("")


def _show_thoughts_by_default(front: Front, conversation: Conversation) -> None:
    """At a terminal thoughts are pleasant to watch, unless somebody decided otherwise."""
    if "thinking" not in front.settings.model_fields_set:
        front.people.choose_for_chat(conversation, thinking="show")


@contextmanager
def _only_one(front: Front) -> Iterator[None]:
    """Two chats on one outbox would take each other's replies."""
    front.settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (front.settings.data_dir / "chat.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyOpen from None
        yield
