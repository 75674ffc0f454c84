"""What somebody at a terminal is told when nothing can be reached, in the language of their terminal."""

import asyncio
import signal

import pytest

from bot.adapters.console.chat import _Chat, _show_thoughts_by_default
from bot.i18n import say
from tests.sayings import talk


class Page:
    def __init__(self):
        self.said = []

    def say(self, text, commands=()):
        self.said.append(text)

    def wait(self):
        self.said.append("waits")

    def give_up(self):
        self.said.append("gives up")


@pytest.mark.parametrize(("lang", "language"), [("en_GB.UTF-8", "en"), ("zh_CN.UTF-8", "zh")])
def test_a_redis_that_is_lost_is_told_in_the_language_of_the_terminal(make_front, tmp_path, monkeypatch, lang, language):
    monkeypatch.setenv("LC_ALL", lang)
    page = Page()
    chat = _Chat(make_front(url=f"unix://{tmp_path}/nobody.sock"), talk(), page)

    assert asyncio.run(chat._say("hello")) is True
    assert page.said == [say(language, "console-lost")]


def test_thoughts_are_shown_at_a_terminal_until_somebody_decides_otherwise(make_front):
    def thinking(**settings):
        front = make_front(**settings)
        _show_thoughts_by_default(front, talk())
        return front.people.preferences(talk()).thinking or front.settings.thinking

    assert [thinking(), thinking(thinking="off"), thinking(thinking="hide"), thinking()] == ["show", "off", "hide", "show"]
    make_front().people.choose(talk(), thinking="off")
    assert [thinking(), thinking(thinking="show")] == ["off", "off"]


def test_a_second_ctrl_c_does_not_wait_and_clears_the_screen_of_what_said_so(make_front):
    page = Page()
    chat = _Chat(make_front(), talk(), page)

    async def press_twice():
        for delay in (0.1, 0.2):
            asyncio.get_running_loop().call_later(delay, signal.raise_signal, signal.SIGINT)
        await asyncio.wait_for(chat._wait_for_reply("x"), 60)

    asyncio.run(press_twice())
    assert page.said == ["waits", "gives up"]


def test_a_file_that_cannot_be_written_is_told_and_the_chat_goes_on(make_front, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    (tmp_path / "exports").write_text("in the way")
    page = Page()
    chat = _Chat(make_front(), talk(), page)

    assert asyncio.run(chat._say("/export")) is True
    assert page.said[-1] == say("en", "console-not-saved", folder=str(tmp_path / "exports"), problem="File exists")
