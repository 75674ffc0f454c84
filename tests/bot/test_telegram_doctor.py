"""What the doctor says of a token, from Telegram's own answer."""

import pytest

from bot.core.settings import load
from bot.telegram_doctor import telegram_check
from tests.fakes.telegram import TOKEN, TelegramServer

SECRET = TOKEN.partition(":")[2]


@pytest.fixture
def telegram():
    with TelegramServer() as server:
        yield server


def check(server, token=TOKEN):
    return telegram_check(load(telegram_token=token, telegram_url=server.base_url))


def test_a_token_is_told_by_the_name_of_its_bot(telegram):
    said = check(telegram)
    assert said.ok
    assert "@Companion_Bot" in said.detail
    assert "only what is for it" in said.detail


def test_a_token_that_telegram_does_not_know_is_told_with_what_to_do(telegram):
    said = check(telegram, TOKEN[:-1] + "2")
    assert not said.ok
    assert "@BotFather" in said.fix


@pytest.mark.parametrize("fault", [500, 502, "cut"])
def test_trouble_of_telegram_is_no_trouble_of_the_token_and_the_token_is_not_told(telegram, fault):
    telegram.fail("getMe", fault)
    said = check(telegram)
    assert not said.ok
    assert SECRET not in str(said)
    assert "BotFather" not in said.fix


def test_where_nothing_listens_the_setting_is_named(telegram):
    said = telegram_check(load(telegram_token=TOKEN, telegram_url="http://127.0.0.1:1"))
    assert (said.ok, "COMPANION_TELEGRAM_URL" in said.fix) == (False, True)
