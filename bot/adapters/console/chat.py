"""The chat loop: reads lines, hands them to reception, waits for each reply. Ctrl-C stops a reply, Ctrl-D leaves."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import Any

from redis.exceptions import RedisError

from bot.adapters.console.pages import Plain, Screen
from bot.adapters.console.saving import save
from bot.adapters.console.surface import ConsoleSurface, Page, conversation_here, language_here
from bot.alerts import Alerts
from bot.commands import Answer, Document
from bot.commands.talk import last_message
from bot.core.errors import CompanionError
from bot.core.messages import Conversation, Incoming, Line
from bot.delivery import Delivery
from bot.i18n import best, say
from bot.reception import Reception
from bot.run import Front
from bot.waiting import Waiting

_LEAVE, _EDIT = "quit", "/edit"


class AlreadyOpen(CompanionError):
    """Two chats on one data folder."""

    key = "chat-open"


async def run(front: Front) -> None:
    """Chat until the person leaves or the input ends."""
    conversation = conversation_here(front)
    with _only_one(front):
        front.store.add_surface(conversation.surface)
        front.disclosures.told(conversation, front.settings.disclosure_hours)  # the first words below say it
        if sys.stdin.isatty() and sys.stdout.isatty():
            _show_thoughts_by_default(front, conversation)
            await _Chat(front, conversation, Screen(partial(say, _language(front, conversation)))).talk(
                _typed(front, conversation)
            )
        else:
            print(say(_language(front, conversation), "disclosure"), file=sys.stderr, flush=True)
            await _Chat(front, conversation, Plain()).talk(_piped())


class _Chat:
    """One person, one terminal, one line at a time."""

    def __init__(self, front: Front, conversation: Conversation, page: Page) -> None:
        self._front, self._conversation, self._page = front, conversation, page
        self._surface = ConsoleSurface(conversation, page)
        self._reception = Reception(front)

    async def talk(self, lines: AsyncIterator[str]) -> None:
        front, name = self._front, self._surface.name
        delivery = Delivery(front.outbox(name), self._surface, front.language, Waiting(front, name))
        running = asyncio.create_task(_together(delivery.run(), Alerts(front, self._conversation).watch()))
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
        try:
            incoming = await asyncio.to_thread(self._incoming, text)
            await asyncio.to_thread(self._remind)
            answer = await self._reception.receive(incoming, merge_seconds=0)
        except RedisError:
            self._page.say(say(best(language_here(), self._front.settings.language), "console-lost"))
            return True
        if answer is not None:
            await self._tell(answer)
        if answer is None or answer.reply_follows:
            await self._wait_for_reply(incoming.line.message_id)
        return answer is None or not answer.leaves

    async def _tell(self, answer: Answer) -> None:
        if answer.text:
            self._page.say(answer.text, tuple(choice.command for choice in answer.choices))
        for document in answer.documents:
            self._page.say(await asyncio.to_thread(self._save, document))

    def _save(self, document: Document) -> str:
        folder, language = self._front.settings.data_dir / "exports", _language(self._front, self._conversation)
        try:
            return say(language, "console-saved", path=str(save(document, folder)))
        except OSError as problem:
            return say(language, "console-not-saved", folder=str(folder), problem=problem.strerror or "?")

    def _remind(self) -> None:
        """That this is an AI, when it is time: beside the replies, so that a pipe gets nothing but them."""
        front = self._front
        if front.conduct.rules.disclosure and front.disclosures.take(self._conversation, front.settings.disclosure_hours):
            self._page.tell(say(_language(front, self._conversation), "disclosure"))

    def _incoming(self, text: str) -> Incoming:
        """What was typed; `/edit TEXT` becomes an edit of the last message, where there is one."""
        id = uuid.uuid4().hex
        line = Line(f"/{text}" if text == _LEAVE else text, id, id, self._conversation.person, time.time())
        command, _, words = text.partition(" ")
        if command == _EDIT and words.strip() and (last := last_message(self._front, self._conversation)):
            line = replace(line, text=words.strip(), message_id=last.message_id, kind="edit")
        return Incoming(self._conversation, line, language_here())

    async def _wait_for_reply(self, message_id: str) -> None:
        """Ctrl-C asks to stop; a second one does not wait any longer."""
        self._page.wait()
        waiting = asyncio.create_task(self._surface.wait(message_id))
        with _on_interrupt(partial(self._stop, waiting)):
            await asyncio.wait({waiting})
        if waiting.cancelled():
            self._page.give_up()
        else:
            waiting.result()

    def _stop(self, waiting: asyncio.Task[None], presses: int) -> None:
        if presses > 1:
            waiting.cancel()
        else:
            self._stopping = asyncio.create_task(asyncio.to_thread(self._front.inbox.stop, self._conversation))


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Not `gather`, which ends with the first that is cancelled: delivery still has to acknowledge what it gave."""
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)


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
    language = _language(front, conversation)
    print(say(language, "console-welcome", persona=persona.title))
    print(say(language, "disclosure"))
    if not front.memory.num_turns(conversation):
        print(persona.greet(conversation.person, language))


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
    rest, encoding = b"", sys.stdin.encoding
    with suppress(RuntimeError):  # the loop has ended before the input
        while data := os.read(0, 65_536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                put(line.decode(encoding, "replace") + "\n")
        put(rest.decode(encoding, "replace") + "\n")
        put("")


def _show_thoughts_by_default(front: Front, conversation: Conversation) -> None:
    """At a terminal thoughts are pleasant to watch, unless somebody decided otherwise."""
    is_set = "thinking" in front.settings.model_fields_set
    front.people.choose_for_chat(conversation, thinking=None if is_set else "show")  # kept, from one start to the next


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
