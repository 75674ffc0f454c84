"""What somebody at a terminal is told when nothing can be reached, in the language of their terminal."""

import asyncio

import pytest

from bot.adapters.console.chat import _Chat, _show_thoughts_by_default
from bot.i18n import say
from tests.sayings import talk


class Page:
    def __init__(self):
        self.said = []

    def say(self, text, commands=()):
        self.said.append(text)


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
