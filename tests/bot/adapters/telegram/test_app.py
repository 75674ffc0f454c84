"""The adapter as a process lives with it: its token, its one place, its menus, its end."""

import pytest

from bot.adapters.shared import holding
from bot.core import logs
from bot.core.errors import CompanionError
from bot.core.texts import SHELL
from bot.i18n import say
from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.fakes.telegram import TOKEN, Refused

SECRET = TOKEN.partition(":")[2]


def test_the_token_is_in_no_log_and_no_error(start, telegram, ann, capfd):
    logs.set_up("debug")
    telegram.fail("getMe", 500)
    telegram.fail("getUpdates", "cut", times=2)
    telegram.fail("sendMessage", 500)
    adapter = start(waits=False)
    ann.write("/help")
    ann.write("/privacy")
    until(lambda: any("What I keep" in text for text in ann.sees()))
    adapter.stop()
    told = capfd.readouterr()
    assert "telegram is on" in told.err
    assert SECRET not in told.err + told.out


@pytest.mark.parametrize("language", SHELL.languages())
def test_a_wrong_token_is_told_in_words_without_the_token(start, monkeypatch, telegram, language):
    monkeypatch.setenv("COMPANION_LANGUAGE", language)
    telegram.token = "another"
    adapter = start(waits=False)
    until(lambda: adapter.error)
    assert isinstance(adapter.error, CompanionError)
    assert str(adapter.error) == SHELL.say(language, "telegram-bad-token")
    shown, problem = [], adapter.error
    while problem is not None:
        shown.append(repr(problem))
        problem = None if problem.__suppress_context__ else problem.__context__
    assert SECRET not in " ".join(shown)


def test_something_that_is_no_token_is_told_before_anything_starts(start):
    adapter = start(waits=False, telegram_token="none of your business")
    until(lambda: adapter.error)
    assert isinstance(adapter.error, CompanionError)
    assert "business" not in str(adapter.error)


def test_a_second_process_waits_says_who_has_the_bot_and_takes_over(start, telegram, ann, worker, capfd):
    logs.set_up("warning")
    first = start()
    second = start(waits=False)
    until(lambda: "another process has this bot" in capfd.readouterr().err)
    assert telegram.calls["getMe"] == 1

    first.stop()
    until(lambda: telegram.calls["getMe"] == 2)
    ann.write("hello")
    assert worker.takes(talk_of(ann.id)).said == "hello"
    assert second.error is None


def test_a_process_that_lost_the_bot_stops_sending_and_waits(start, telegram, store, monkeypatch, capfd):
    logs.set_up("warning")
    monkeypatch.setattr(holding, "_RENEW_SECONDS", 0.05)
    adapter = start()
    name = f"companion:{{telegram:{telegram.bot_id}}}:held:telegram"
    store.redis.set(name, "other/1/x")
    until(lambda: "another process has this bot" in capfd.readouterr().err)
    store.redis.delete(name)
    until(lambda: telegram.calls["getMe"] == 2)
    assert adapter.error is None


def test_a_redis_that_comes_back_empty_knows_the_bot_again(start, telegram, store, monkeypatch):
    """Else no sweeper looks there, and nobody is told of problems, before the next start."""
    monkeypatch.setattr(holding, "_RENEW_SECONDS", 0.05)
    start()
    assert store.surfaces() == [f"telegram:{telegram.bot_id}"]

    store.redis.flushall()

    until(lambda: store.surfaces() == [f"telegram:{telegram.bot_id}"], seconds=10)


def test_what_a_dead_process_held_is_free_after_a_while(start, telegram, store):
    store.redis.set(f"companion:{{telegram:{telegram.bot_id}}}:held:telegram", "dead/1/x", px=500)
    start()


def test_the_menus_are_there_for_each_scope_and_language(start, telegram):
    start(owners=("telegram:1001",))
    until(lambda: len(telegram.descriptions) == 6)
    private, groups = telegram.commands["all_private_chats", None, "zh"], telegram.commands["all_group_chats", None, ""]
    assert {"start", "help", "privacy", "export", "forget"} <= set(private)
    assert groups[0] == "ask"
    assert "admin" not in private + groups
    assert "quit" not in private
    assert "admin" in telegram.commands["chat", 1001, "en"]
    assert telegram.descriptions["short", "zh"] == say("zh", "telegram-short-description")


def test_menus_that_have_not_changed_are_not_published_again(start, telegram):
    first = start()
    until(lambda: first.front.store.redis.exists(f"companion:{{telegram:{telegram.bot_id}}}:menu:telegram"))
    first.stop()
    start().stop()
    assert telegram.calls["setMyCommands"] == 6


def test_who_is_no_admin_any_more_has_no_menu_of_one(start, telegram):
    first = start(owners=("telegram:1001", "telegram:1002"))
    until(lambda: first.front.store.redis.exists(f"companion:{{telegram:{telegram.bot_id}}}:menu:telegram"))
    first.stop()
    assert "admin" in telegram.commands["chat", 1002, "en"]
    start(owners=("telegram:1001",))
    until(lambda: ("chat", 1002, "en") not in telegram.commands)
    assert ("chat", 1001, "zh") in telegram.commands


@pytest.mark.parametrize("fault", ["cut", 500, Refused(429, "Too Many Requests: retry after 1", retry_after=1)])
def test_menus_that_could_not_be_published_are_tried_again(start, telegram, fault):
    telegram.fail("setMyCommands", fault)
    start()
    until(lambda: len(telegram.descriptions) == 6)
    assert len(telegram.commands) == 6


def test_an_admin_who_never_wrote_costs_no_menu_of_the_others(start, telegram):
    set_commands = telegram._do_set_my_commands

    def refuse_admins(commands, scope=None, language_code=""):
        if scope["type"] == "chat":
            raise Refused(400, "Bad Request: chat not found")
        return set_commands(commands, scope, language_code)

    telegram._do_set_my_commands = refuse_admins
    start(owners=("telegram:5",))
    until(lambda: len(telegram.descriptions) == 6)
    assert len(telegram.commands) == 6


def test_everything_it_started_ends_with_it(start, telegram, ann, worker):
    adapter = start()
    ann.write("hello")
    worker.says(talk_of(ann.id), "Hi")
    until(ann.sees)
    adapter.stop()
    assert adapter.error is None


@pytest.mark.parametrize("setting", ["telegram_streaming", "telegram_url"])
def test_a_setting_that_cannot_be_is_refused(make_front, setting):
    with pytest.raises(CompanionError):
        make_front(**{setting: "nonsense"})
