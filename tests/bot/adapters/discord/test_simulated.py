"""The same client in a simulation of Discord that others wrote: what our own server might have taken for granted."""

import asyncio
import contextlib
from dataclasses import replace

import discord
import pytest
import simcord
from pydantic import SecretStr

from bot.adapters.discord.app import _Parts
from bot.adapters.discord.slash import publish
from bot.core import metrics
from bot.core.messages import Conversation
from bot.i18n import say
from tests.bot.adapters.working import Worker
from tests.fakes.discord import TOKEN

BOT_ID = 1456074443980800001
SURFACE = f"discord:{BOT_ID}"


class World:
    """One server with one channel and two people. Delivery runs beside what the simulation waits for."""

    def __init__(self, env, parts, worker):
        self.env, self.parts, self.worker = env, parts, worker
        self.guild = env.create_guild()
        self.channel = self.guild.create_text_channel("general")
        self.ann, self.bob = (self.guild.add_member(env.create_user(name)) for name in ("ann", "bob"))

    def talk_of(self, person, thread="0", is_direct=False):
        chat = person.id if is_direct else self.channel.id
        return Conversation("discord", str(self.env.bot.user.id), str(chat), str(thread), str(person.id))

    def said(self, channel=None):
        place = channel or self.channel
        return [one.content for one in place.history() if one.author.id == self.env.bot.user.id]

    async def until(self, holds):
        for _ in range(6000):
            if found := holds():
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(self.env.transcript())


@pytest.fixture
def live(make_front, store, vault, memory):
    """Runs a test's coroutine in a world."""

    def run(act, **settings):
        async def whole():
            parts = _Parts(make_front(age_hours=100_000, **settings), BOT_ID, SecretStr(TOKEN))
            async with simcord.run(parts._client, shard_count=1) as env:
                assert env.bot.user.id == BOT_ID
                parts._tree._http = env.bot.http  # the simulation has put its own in place
                await publish(parts._tree, parts._keeping)
                delivering = asyncio.create_task(parts._delivery.run())
                try:
                    await act(World(env, parts, Worker(store, vault, memory, SURFACE)))
                finally:
                    delivering.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await delivering

        asyncio.run(whole())

    return run


def test_a_mention_is_answered_with_buttons_and_nothing_else_is(live):
    async def act(world):
        await world.ann.send(world.channel, "just talk")
        await world.ann.send(world.channel, f"<@{BOT_ID}> hello")
        assert world.worker.says(world.talk_of(world.ann), "Hello Ann").said == "hello"
        await world.until(lambda: world.said() == ["Hello Ann"])
        assert world.channel.last_message.reference is not None

    live(act)


def test_a_direct_message_is_answered(live):
    async def act(world):
        await world.ann.send_dm("hello")
        where = world.talk_of(world.ann, is_direct=True)
        assert world.worker.says(where, "Hello Ann").said == "hello"
        await world.until(
            lambda: any("/messages" in one.path and "Hello Ann" in str(one.json) for one in world.env.http_requests)
        )

    live(act)


def test_a_thread_is_begun_and_a_mention_in_it_is_answered_there(live):
    async def act(world):
        await world.ann.slash(world.channel, "thread", name="Tea")
        [thread] = world.channel.threads
        assert thread.name == "Tea"
        await world.ann.send(thread, f"<@{BOT_ID}> hello")
        world.worker.says(world.talk_of(world.ann, thread.id), "Hello Ann")
        await world.until(lambda: "Hello Ann" in world.said(thread))
        assert "Hello Ann" not in world.said()

    live(act)


def test_a_reply_to_the_bot_is_heard(live):
    async def act(world):
        await world.ann.send(world.channel, f"<@{BOT_ID}> hello")
        world.worker.says(world.talk_of(world.ann), "Hello Ann")
        await world.until(world.said)
        await world.ann.send(world.channel, f"<@{BOT_ID}> and you?", reply_to=world.channel.last_message)
        assert world.worker.takes(world.talk_of(world.ann)).said == "and you?"

    live(act)


def test_two_people_at_once_are_each_answered(live):
    async def act(world):
        await world.ann.send(world.channel, f"<@{BOT_ID}> I am Ann")
        await world.bob.send(world.channel, f"<@{BOT_ID}> I am Bob")
        world.worker.says(world.talk_of(world.bob), "Hello Bob")
        world.worker.says(world.talk_of(world.ann), "Hello Ann")
        await world.until(lambda: sorted(world.said()) == ["Hello Ann", "Hello Bob"])

    live(act)


def test_a_command_defers_and_is_answered_out_of_sight(live):
    async def act(world):
        used = await world.ann.slash(world.channel, "privacy")
        assert used.acknowledged
        assert used.ephemeral
        assert used.response.content.startswith(say("en", "privacy", turns=1000, days=0)[:40])

    live(act)


def test_what_may_be_set_is_suggested(live):
    async def act(world):
        found = await world.ann.autocomplete(world.channel, "persona set", "value", "ty")
        assert [one["value"] for one in found] == ["tycho"]
        used = await world.ann.slash(world.channel, "persona set", value="tycho")
        assert "Tycho" in used.response.content

    live(act)


def test_chat_is_answered_in_place(live):
    async def act(world):
        used = await world.ann.slash(world.channel, "chat", message="hello there")
        assert not used.ephemeral
        world.worker.says(world.talk_of(world.ann), "Hello Ann")
        await world.until(lambda: used.response.content == "Hello Ann")

    live(act)


def test_a_button_is_answered_only_for_who_asked(live):
    async def act(world):
        await world.ann.send(world.channel, f"<@{BOT_ID}> hello")
        world.worker.says(world.talk_of(world.ann), "Hello Ann")
        await world.until(lambda: world.said() and world.channel.last_message.components)
        pressed = await world.bob.click(world.channel.last_message, label="↻")
        assert [one.content for one in pressed.followups] == [say("en", "button-of-another")]
        await world.ann.click(world.channel.last_message, label="↻")
        world.worker.says(world.talk_of(world.ann), "Hello again")
        await world.until(lambda: world.said() == ["Hello Ann", "Hello again"])

    live(act)


def test_a_long_answer_passes_the_limit_of_2000(live):
    async def act(world):
        await world.ann.send(world.channel, f"<@{BOT_ID}> tell me all")
        world.worker.says(world.talk_of(world.ann), "A sentence of some length. " * 200)
        await world.until(lambda: len(world.said()) == 3)

    live(act)


def test_an_error_of_discord_is_tried_again(live):
    async def act(world):
        await world.ann.send(world.channel, f"<@{BOT_ID}> hello")
        world.env.inject_error("POST", "/channels/*/messages", status=500)
        world.worker.says(world.talk_of(world.ann), "Hello Ann")
        await world.until(lambda: world.said() == ["Hello Ann"])

    live(act)


def gone():
    return metrics.DELIVERIES.labels("discord", "gone")._value.get()


def test_where_it_may_not_write_it_does_not_ask(live):
    before_all = gone()

    async def act(world):
        closed = {world.env.bot.user: discord.PermissionOverwrite(send_messages=False)}
        channel = world.guild.create_text_channel("closed", overwrites=closed)
        before = len(world.env.http_requests)
        await world.ann.send(channel, f"<@{BOT_ID}> hello")
        where = replace(world.talk_of(world.ann), chat=str(channel.id))
        world.worker.says(where, "Hello Ann")
        await world.until(lambda: gone() == before_all + 1)
        assert len(world.env.http_requests) == before

    live(act)


def test_admin_is_shown_to_nobody_and_refused_to_who_writes_it(live):
    async def act(world):
        assert "admin" not in world.ann.available_commands(world.channel)
        assert "channel set" not in world.ann.available_commands(world.channel)
        await world.ann.send(world.channel, f"<@{BOT_ID}> /admin stats")
        requests = world.env.http_requests
        await world.until(lambda: any(say("en", "denied-admin") in str(one.json) for one in requests))

    live(act)
