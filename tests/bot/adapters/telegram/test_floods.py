"""Many chats for many minutes, on a clock of their own: delivery, surface, governor and client as they are, and a server
that limits every chat and the bot as Telegram does."""

import asyncio
import itertools
import json
import random
from types import SimpleNamespace

import pytest
from telegram.request import BaseRequest

from bot.adapters.shared.buttons import Buttons
from bot.adapters.shared.keeping import Shown
from bot.adapters.telegram.client import Client
from bot.adapters.telegram.governor import Governor
from bot.adapters.telegram.places import Places
from bot.adapters.telegram.sending import Sender
from bot.adapters.telegram.surface import TelegramSurface
from bot.adapters.telegram.writing import TelegramForm
from bot.core.messages import Conversation, Draft, Finished
from bot.core.outbox import Entry
from bot.delivery import Delivery
from tests.fakes.telegram import BOT_ID, TOKEN, Refused, TelegramServer, value_of
from tests.virtual_time import VirtualLoop

WORDS = ("some", "words", "of", "an", "**answer**", "that", "grows.", "你好，", "我在想。", "\n\n")


class Wire(BaseRequest):
    """To the server without a network, in the time that one takes."""

    read_timeout = 20

    def __init__(self, server):
        self.server = server

    async def initialize(self):
        pass

    async def shutdown(self):
        pass

    async def do_request(self, url, method, request_data=None, **_timeouts):
        asked = request_data.json_parameters if request_data else {}
        await asyncio.sleep(0.08)
        try:
            result = self.server.call(url.rpartition("/")[2], {name: value_of(name, text) for name, text in asked.items()})
        except Refused as no:
            told = {"ok": False, "error_code": no.code, "description": str(no), "parameters": no.parameters}
            return no.code, json.dumps(told).encode()
        return 200, json.dumps({"ok": True, "result": result}).encode()


class Kept:
    """What is remembered, without Redis."""

    def __init__(self):
        self.pages, self.bans = {}, {}

    def shown(self, where):
        return self.pages.get(where) or Shown()

    def keep_shown(self, where, shown):
        self.pages[where] = shown

    async def load(self):
        return {}

    async def keep(self, chat, seconds):
        self.bans[chat] = seconds

    def moved(self):
        return {}


class Outbox:
    """Finals that have been delivered, by their turns."""

    def __init__(self):
        self.ended = {}

    def begin(self, entry):
        pass

    undo_begin = begin

    def end(self, entry, ids):
        self.ended[entry.event.turn] = ids

    def pseudonym(self, where):
        return ""


class World:
    """People who write again some time after they were answered, and workers that answer as they stream."""

    def __init__(self, loop, num_chats, minutes):
        self.loop, self.dice, self.minutes = loop, random.Random(5), minutes
        self.server = TelegramServer(clock=loop.time, wall=loop.time, floods=True)
        self.kept, self.outbox, self.numbers = Kept(), Outbox(), itertools.count(1)
        self.people = [self.server.person(number) for number in range(1, num_chats + 1)]
        self.groups = [self.server.group(-number) for number in range(1, num_chats // 2 + 1)]
        self.finals = []

    async def run(self):
        governor = Governor(self.kept, clock=self.loop.time)
        wire = Wire(self.server)
        client = Client(TOKEN, request=wire, get_updates_request=wire, rate_limiter=governor)
        await client.initialize()
        places = Places(BOT_ID, self.kept)
        parts = Sender(client, places), TelegramForm(), Buttons(TOKEN, lambda *_: None), self.kept
        self.delivery = Delivery(self.outbox, TelegramSurface(places.surface, *parts), lambda _: "en")
        privately = [(person.id, person.id) for person in self.people[: len(self.groups)]]
        in_groups = [(group.id, person.id) for group in self.groups for person in (self.people[-1], self.people[-2])]
        await asyncio.gather(*(self.life(chat, person) for chat, person in privately + in_groups))
        await self.delivery._close_lanes()

    async def life(self, chat, person):
        where = Conversation("telegram", str(BOT_ID), str(chat), "0", str(person))
        await asyncio.sleep(self.dice.uniform(0, 20))
        while self.loop.time() < self.minutes * 60:
            await self.reply(where, f"turn{next(self.numbers)}")
            await asyncio.sleep(self.dice.uniform(1, 30))

    async def reply(self, where, turn):
        text = ""
        for seq in range(1, self.dice.randrange(4, 60)):
            if seq > 6:  # before that it thinks
                text += f" {self.dice.choice(WORDS)}"
            self.delivery._lane(where).offer(Draft(str(where), turn, seq, seq, not text, "hm", text))
            await asyncio.sleep(0.5)
        text += f" The end of {turn}."
        self.finals.append((where, turn))
        self.delivery._take(Entry(turn, where, Finished(str(where), turn, "", text, "", ""), False))
        while turn not in self.outbox.ended:
            await asyncio.sleep(0.5)


@pytest.fixture
def loop(monkeypatch):
    loop = VirtualLoop()
    clock = SimpleNamespace(monotonic=loop.time)
    for module in ("bot.lane", "bot.adapters.telegram.surface", "bot.adapters.shared.page"):
        monkeypatch.setattr(f"{module}.time", clock)
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    asyncio.set_event_loop(loop)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


TEN_MINUTES = pytest.param(200, 10, marks=[pytest.mark.slow, pytest.mark.timeout(400)])


@pytest.mark.parametrize(("num_chats", "minutes"), [(20, 2), TEN_MINUTES])
def test_every_final_arrives_no_chat_is_banned_and_refusals_are_rare(loop, num_chats, minutes):
    world = World(loop, num_chats, minutes)
    loop.run_until_complete(world.run())

    server, calls = world.server, sum(world.server.calls.values())
    shown = {chat: " ".join(server.texts(server.chats[chat])) for chat in server.chats}
    assert [turn for where, turn in world.finals if f"The end of {turn}." not in shown[int(where.chat)]] == []
    assert len(world.finals) > num_chats * minutes / 2
    assert world.kept.bans == {}
    assert server.num_floods * 1000 < calls
