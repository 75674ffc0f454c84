"""The adapter against a server like Discord's and a real Redis. The test itself is the worker."""

import pytest

from bot.adapters.discord import run
from bot.core.messages import Conversation
from bot.i18n import say
from tests.bot.adapters.working import Adapter, Worker, until
from tests.fakes.discord import BOT_ID, TOKEN, DiscordServer

SURFACE = f"discord:{BOT_ID}"


def talk_of(person, channel=None, thread=None):
    """Their direct messages, or what they say in a channel."""
    chat, place = (channel.id if channel else person.id), (thread.id if thread else 0)
    return Conversation("discord", str(BOT_ID), str(chat), str(place), str(person.id))


@pytest.fixture
def discord():
    with DiscordServer() as server:
        yield server


@pytest.fixture
def start(make_front, discord, monkeypatch):
    """Starts adapters, with settings as given, and waits until they listen and their commands are there."""
    monkeypatch.setattr("bot.adapters.discord.client._GUILDS_SECONDS", 0.05)
    monkeypatch.setattr("bot.adapters.discord.client.PACE_SECONDS", 0.05)
    monkeypatch.setattr("bot.delivery._CLOSE_SECONDS", 0.5)
    running = []

    def begin(waits=True, **settings):
        defaults = {"discord_token": TOKEN, "discord_url": discord.base_url}
        running.append(Adapter(run, make_front(**{**defaults, **settings})))
        if waits:
            until(lambda: discord.sockets and discord.commands)
        return running[-1]

    yield begin
    for adapter in running:
        adapter.stop()


@pytest.fixture
def worker(store, vault, memory):
    return Worker(store, vault, memory, SURFACE)


@pytest.fixture
def ann(discord):
    return discord.person("Ann")


@pytest.fixture
def bob(discord):
    return discord.person("Bob", "zh-CN")


@pytest.fixture
def channel(start, discord, ann, bob):
    """One whose talk is shared: Ann manages the server, and has said that it is everybody's."""
    start()
    channel = discord.guild(ann, bob, managers=[ann])
    used = ann.use("channel set", channel, value="shared")
    until(lambda: used.text == say("en", "channel-shared"))
    return channel
