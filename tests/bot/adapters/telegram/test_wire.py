"""What becomes of a call when the network is in the way: whether it may have arrived, and never the token."""

import asyncio

import pytest
from telegram import Bot
from telegram.error import BadRequest, NetworkError, TimedOut
from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter

from bot.adapters.telegram.wire import NeverLeft, Wire
from tests.fakes.telegram import TOKEN
from tests.ports import Nowhere

SECRET = TOKEN.partition(":")[2]


def call(url, method="getMe", **parameters):
    """One call; gives its outcome, or what it raised."""
    asked = RequestData([RequestParameter.from_input(name, value) for name, value in parameters.items()])

    async def go():
        async with Wire(2, 0.5) as wire:
            return await wire.do_request(f"{url}{TOKEN}/{method}", "POST", asked)

    try:
        return asyncio.run(go())
    except NetworkError as problem:
        return problem


def test_a_call_arrives_with_its_parameters_in_any_language(telegram, ann):
    status, _ = call(telegram.base_url, "sendMessage", chat_id=ann.id, text="Grüße & 你好 = 😀 %41+")
    assert (status, ann.sees()) == (200, ["Grüße & 你好 = 😀 %41+"])


def test_where_nothing_listens_the_call_has_certainly_not_arrived():
    with Nowhere() as port:
        assert isinstance(call(f"http://127.0.0.1:{port}/bot"), NeverLeft)


def test_a_wire_that_is_not_connected_sends_nothing():
    with pytest.raises(NeverLeft):
        asyncio.run(Wire(2, 0.5).do_request("http://127.0.0.1:1/", "POST"))


@pytest.mark.parametrize(("fault", "kind"), [("cut", NetworkError), ("cut after", NetworkError), ("hang after", TimedOut)])
def test_a_call_that_broke_off_may_have_arrived_and_its_error_does_not_hold_the_token(telegram, fault, kind):
    telegram.fail("getMe", fault)
    problem = call(telegram.base_url)
    assert type(problem) is kind
    assert SECRET not in repr(problem)
    assert problem.__suppress_context__


def test_the_library_as_it_comes_talks_to_the_fake_server_too(telegram, ann):
    async def talk():
        async with Bot(TOKEN, base_url=telegram.base_url) as bot:
            await bot.send_message_draft(ann.id, 1, "")
            thinks = ann.draft()
            message = await bot.send_message(ann.id, "hello")
            await message.edit_text("hello there")
            with pytest.raises(BadRequest, match="not modified"):
                await message.edit_text("hello there")
            return bot.username, thinks

    assert asyncio.run(talk()) == ("Companion_Bot", "")
    assert ann.sees() == ["hello there"]
    assert ann.draft() is None
