"""What the doctor says of a token, from Telegram's own answer."""

import socketserver
import threading
from contextlib import contextmanager

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


@contextmanager
def listening(answer):
    """Something that is no Telegram: the same to whoever asks."""

    class Talker(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65_536)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Talker) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def json_of(text):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


@pytest.mark.parametrize(
    "answer",
    [b"-ERR unknown command\r\n", json_of("[]"), json_of('{"result": true}'), json_of('{"result": {}}'), json_of("<html>")],
    ids=["no HTTP", "a list", "no bot", "no name", "no JSON"],
)
def test_what_is_no_telegram_at_all_is_told_like_one_that_is_silent(answer):
    with listening(answer) as url:
        said = telegram_check(load(telegram_token=TOKEN, telegram_url=url))

    assert (said.ok, "COMPANION_TELEGRAM_URL" in said.fix, SECRET in str(said)) == (False, True, False)


@pytest.mark.parametrize("url", ["http://localhost:808l", "http://local host:8081", "http://[::1:8081"])
def test_an_address_that_cannot_be_one_is_told_like_one_where_nothing_listens(url):
    said = telegram_check(load(telegram_token=TOKEN, telegram_url=url))

    assert (said.ok, "COMPANION_TELEGRAM_URL" in said.fix, SECRET in str(said)) == (False, True, False)
