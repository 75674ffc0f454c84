import asyncio

import pytest

from bot.adapters.console.surface import ConsoleSurface
from bot.surface import NotSent, Reply
from tests.sayings import talk


class Page:
    def __init__(self):
        self.finals, self.waits = [], []

    def tell_wait(self, text):
        self.waits.append(text)

    def final(self, reply):
        self.finals.append(reply.text)


def test_a_late_reply_to_something_older_is_shown_but_not_taken_for_the_answer():
    page = Page()
    surface = ConsoleSurface(talk(), page)

    async def run():
        waiting = asyncio.create_task(surface.wait("new"))
        await surface.deliver(talk(), Reply("old", reply_to="old"))
        await asyncio.sleep(0.05)
        was_done = waiting.done()
        await surface.deliver(talk(), Reply("new", reply_to="new"))
        await asyncio.wait_for(waiting, 60)
        return was_done

    assert asyncio.run(run()) is False
    assert page.finals == ["old", "new"]


def test_a_final_that_knows_no_question_ends_the_wait():
    surface = ConsoleSurface(talk(), Page())

    async def run():
        await surface.deliver(talk(), Reply("", remarks=("Forgotten.",)))
        await asyncio.wait_for(surface.wait("x"), 60)

    asyncio.run(run())


def test_a_reply_that_nobody_reads_ends_the_wait_and_is_not_taken_for_delivered():
    class Closed(Page):
        def final(self, reply):
            raise BrokenPipeError

    surface = ConsoleSurface(talk(), Closed())

    async def run():
        with pytest.raises(NotSent):
            await surface.deliver(talk(), Reply("hi", reply_to="x"))
        with pytest.raises(BrokenPipeError):
            await asyncio.wait_for(surface.wait("x"), 60)

    asyncio.run(run())


def test_a_wait_is_told_once_for_each_message():
    page = Page()
    surface = ConsoleSurface(talk(), page)

    async def run():
        for _ in range(2):
            for text in ("one before you", "one before you", "you are next"):
                await surface.tell_wait(talk(), text)
            await surface.deliver(talk(), Reply("hi", reply_to="x"))

    asyncio.run(run())
    assert page.waits == ["one before you", "you are next"] * 2
