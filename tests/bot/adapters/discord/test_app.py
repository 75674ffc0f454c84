"""The adapter as a process lives with it: its token, its one place, its connection, and what that loses."""

import asyncio
import threading

import pytest

from bot.adapters.discord import app, introductions
from bot.adapters.discord.introductions import Introductions
from bot.adapters.discord.keeping import DiscordKeeping
from bot.adapters.shared import back_off, holding
from bot.core import logs, metrics
from bot.core.errors import CompanionError
from bot.core.texts import SHELL
from tests.bot.adapters.discord.conftest import SURFACE, talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID, TOKEN

ME = f"<@{BOT_ID}>"
SECRET = TOKEN.partition(".")[2]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(back_off, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(introductions, "_NUM_FREE", 100)


def told(problem):
    shown = []
    while problem is not None:
        shown.append(repr(problem))
        problem = None if problem.__suppress_context__ else problem.__context__
    return " ".join(shown)


def test_the_token_is_in_no_log_and_no_error(start, discord, ann, capfd):
    logs.set_up("debug")
    discord.fail("GET", "/users/@me", 500)
    discord.fail("POST", "/channels/*/messages", 500)
    adapter = start()
    ann.write("/help")
    until(ann.sees)
    adapter.stop()
    shown = capfd.readouterr()
    assert "discord is on" in shown.err
    assert SECRET not in shown.err + shown.out
    assert "What I understand" not in shown.err


@pytest.mark.parametrize("language", SHELL.languages())
def test_a_wrong_token_is_told_in_words_without_the_token(start, monkeypatch, discord, language):
    monkeypatch.setenv("COMPANION_LANGUAGE", language)
    discord.token = "another"
    adapter = start(waits=False)
    until(lambda: adapter.error)
    assert isinstance(adapter.error, app.BadToken)
    assert str(adapter.error) == SHELL.say(language, "discord-bad-token")
    assert SECRET not in told(adapter.error)


def test_something_that_is_no_token_is_told_before_anything_starts(start, discord):
    adapter = start(waits=False, discord_token="none of your business")
    until(lambda: adapter.error)
    assert isinstance(adapter.error, CompanionError)
    assert "business" not in told(adapter.error)
    assert not discord.calls


@pytest.mark.parametrize("language", SHELL.languages())
def test_an_intent_that_the_portal_does_not_allow_is_told_in_words(start, monkeypatch, discord, language):
    monkeypatch.setenv("COMPANION_LANGUAGE", language)
    adapter = start(waits=False, discord_message_content=True)
    until(lambda: adapter.error)
    assert isinstance(adapter.error, app.IntentRefused)
    assert str(adapter.error) == SHELL.say(language, "discord-no-intent")


def test_without_the_setting_no_intent_is_privileged(start, discord):
    start()
    assert discord.intents == (1 << 0) | (1 << 9) | (1 << 12)


def test_a_second_process_waits_says_who_has_the_bot_and_takes_over(start, discord, ann, worker, capfd):
    logs.set_up("warning")
    first = start()
    second = start(waits=False)
    until(lambda: "another process has this bot" in capfd.readouterr().err)
    assert discord.num_identified == 1
    first.stop()
    until(lambda: discord.num_identified == 2 and discord.sockets)
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"
    assert second.error is None


def test_a_process_that_lost_the_bot_leaves_it_and_waits(start, discord, store, monkeypatch, capfd):
    logs.set_up("warning")
    monkeypatch.setattr(holding, "_RENEW_SECONDS", 0.05)
    adapter = start()
    store.redis.set(f"companion:{{{SURFACE}}}:held:discord", "other/1/x")
    until(lambda: "another process has this bot" in capfd.readouterr().err)
    store.redis.delete(f"companion:{{{SURFACE}}}:held:discord")
    until(lambda: discord.num_identified == 2)
    assert adapter.error is None


@pytest.mark.parametrize("code", [1001, 4000, 4009])
def test_a_connection_that_breaks_is_resumed_and_what_came_meanwhile_is_heard_once(start, discord, ann, worker, code):
    start()
    ann.write("before")
    worker.says(talk_of(ann), "Yes")
    discord.disconnect(code)
    ann.write("meanwhile")
    until(lambda: discord.num_resumed == 1)
    assert worker.says(talk_of(ann), "And now").said == "meanwhile"
    until(lambda: ann.sees() == ["Yes", "And now"])
    assert discord.num_identified == 1


def test_events_that_are_told_twice_are_heard_once(start, discord, ann, worker):
    start()
    message = ann.write("hello")
    worker.says(talk_of(ann), "Hello")
    discord.tell("MESSAGE_CREATE", message)
    ann.write("next")
    assert worker.takes(talk_of(ann)).said == "next"


def test_after_a_session_that_cannot_be_resumed_missed_messages_are_fetched(start, discord, ann, bob, worker):
    start()
    channel = discord.guild(ann, bob)
    for place in (None, channel):
        ann.write(f"{ME} before" if place else "before", place)
        worker.says(talk_of(ann, place), "Yes")
        until(lambda place=place: ann.sees(place) == ["Yes"])
    discord.loses_events = discord.refuses_resume = True
    ann.write("meanwhile")
    bob.write("just talk", channel)
    bob.write(f"{ME} meanwhile too", channel)
    discord.loses_events = False
    discord.disconnect()
    until(lambda: discord.num_identified == 2)
    assert worker.takes(talk_of(ann)).said == "meanwhile"
    assert worker.takes(talk_of(bob, channel)).said == "meanwhile too"
    assert worker.leases.acquire(talk_of(ann, channel)) is None


def test_what_was_missed_is_found_among_what_others_said_to_each_other(start, discord, ann, bob, worker):
    """They have talked a lot since somebody last spoke to the bot, and not to it."""
    first = start()
    channel = discord.guild(ann, bob)
    ann.write(f"{ME} before", channel)
    worker.says(talk_of(ann, channel), "Yes")
    until(lambda: ann.sees(channel) == ["Yes"])
    for number in range(130):
        bob.write(f"just talk {number}", channel)
    first.stop()
    bob.write(f"{ME} meanwhile", channel)
    bob.write("just talk", channel)
    ann.write(f"{ME} and this", channel)
    start()
    assert worker.takes(talk_of(bob, channel)).said == "meanwhile"
    assert worker.takes(talk_of(ann, channel)).said == "and this"


def test_what_was_written_while_nothing_ran_is_answered(start, discord, ann, worker):
    first = start()
    ann.write("before")
    worker.says(talk_of(ann), "Yes")
    until(ann.sees)
    first.stop()
    ann.write("meanwhile")
    start()
    assert worker.says(talk_of(ann), "Here I am").said == "meanwhile"
    until(lambda: ann.sees() == ["Yes", "Here I am"])


@pytest.mark.parametrize("fault", ["cut", 500])
def test_what_was_missed_is_fetched_though_the_line_breaks_once_more(start, discord, ann, worker, fault):
    first = start()
    ann.write("before")
    worker.says(talk_of(ann), "Yes")
    until(ann.sees)
    first.stop()
    ann.write("meanwhile")
    discord.fail("GET", "/channels/*/messages", fault, 3 if fault == "cut" else 1)
    start()
    assert worker.takes(talk_of(ann)).said == "meanwhile"


def test_what_was_heard_and_not_yet_kept_when_it_ended_is_answered_too(start, discord, ann, worker, monkeypatch):
    begun = threading.Event()

    async def ends_before(*_):
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr("bot.reception.Reception.receive", ends_before)
        first = start()
        ann.write("hello")
        assert begun.wait(60)
        first.stop()
    start()
    assert worker.takes(talk_of(ann)).said == "hello"


def test_what_is_older_than_a_day_is_not(start, discord, ann, worker):
    start()
    ann.write("long ago", id=str(discord.snowflake() - (25 * 3600 * 1000 << 22)))
    ann.write("now")
    assert worker.takes(talk_of(ann)).said == "now"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MESSAGE_CREATE", {"id": "5"}),
        ("MESSAGE_CREATE", {"id": None, "content": "a secret", "author": None}),
        ("GUILD_CREATE", {"id": "x"}),
        ("INTERACTION_CREATE", {"type": 2}),
        ("NEVER_HEARD_OF", {"x": 1}),
    ],
)
def test_an_event_that_makes_no_sense_goes_aside_and_the_others_go_on(start, discord, ann, worker, store, name, data):
    start()
    discord.send_raw({"op": 0, "t": name, "s": 1, "d": data})
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"
    assert discord.num_identified == 1
    odd = store.redis.lrange(f"companion:{{{SURFACE}}}:odd:discord", 0, -1)
    assert b"a secret" not in b"".join(odd)
    if name in ("GUILD_CREATE", "INTERACTION_CREATE"):
        until(lambda: store.redis.llen(f"companion:{{{SURFACE}}}:odd:discord"))


def test_a_session_that_makes_no_sense_is_begun_anew(start, discord, ann, worker):
    start()
    discord.send_raw({"op": 0, "t": "READY", "s": 1, "d": {}})
    until(lambda: discord.num_identified == 2 and discord.sockets)
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"


def test_a_crash_loop_slows_down_and_stays_far_below_what_resets_the_token(store, monkeypatch):
    monkeypatch.setattr(introductions, "_NUM_FREE", 3)
    clock = [0.0]
    keeping = DiscordKeeping(store, SURFACE)
    monkeypatch.setattr(keeping, "now_ms", lambda: clock[0] * 1000)
    pauses = []
    while clock[0] < 24 * 3600:
        pauses.append(Introductions(keeping).take(0))  # a new process each time, which dies at once
        clock[0] += pauses[-1] + 0.5
    assert pauses[:6] == [0, 0, 0, 2, 4, 8]
    assert len(pauses) < 200

    clock[0] += 3600
    assert Introductions(keeping).take(0) == 0


def test_one_session_does_not_follow_the_other_sooner_than_discord_takes_it(start, monkeypatch, discord, ann, worker):
    start()
    monkeypatch.setattr("bot.adapters.discord.client.PACE_SECONDS", 2.5)
    discord.identify_pace = 2.0
    discord.refuses_resume = True
    for number in (2, 3):
        discord.disconnect()
        until(lambda number=number: discord.num_identified == number and discord.sockets)
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"
    assert discord.num_too_soon == 0


def test_the_last_sessions_of_a_day_are_not_used_up(start, discord):
    discord.identify_left = 40
    adapter = start(waits=False)
    until(lambda: discord.calls["GET /gateway/bot"])
    assert discord.num_identified == 0
    assert adapter.error is None


def refused(why):
    return metrics.REFUSED_CALLS.labels("discord", why)._value.get()


def test_a_global_limit_is_waited_for_and_seen_in_the_metrics(start, discord, ann, worker):
    start()
    ann.write("hello")
    reply, before = worker.takes(talk_of(ann)), refused("global")
    discord.limit_globally(3.0)
    reply.ends("Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    assert refused("global") > before


def test_a_limit_that_others_have_used_up_is_waited_for_and_seen_in_the_metrics(start, discord, ann, worker):
    """The library cannot foresee it: a 429 of that place alone."""
    start()
    ann.write("hello")
    reply, before = worker.takes(talk_of(ann)), refused("user")
    discord.limits = True
    discord.use_up("POST", ann.dm, 1.5)
    reply.ends("Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    assert refused("user") == before + discord.num_limited > before


def test_a_refusal_of_the_whole_address_is_not_asked_again_at_once(start, discord, ann, worker):
    """A 429 that does not come from Discord itself has no `retry_after` that one could go by."""
    adapter = start()
    ann.write("hello")
    reply = worker.takes(talk_of(ann))
    discord.fail("POST", "/channels/*/messages", "ban", 99)
    reply.ends("Hello there")
    until(lambda: discord.calls["POST /channels/*/messages"])
    for number in range(3):
        ann.write(f"more {number}")
    until(lambda: adapter.front.inbox.num_waiting(talk_of(ann)) == 3)
    assert discord.calls["POST /channels/*/messages"] == 1


def test_what_redis_cannot_keep_is_kept_when_it_is_back(start, monkeypatch, ann, worker):
    from redis.exceptions import ConnectionError as RedisConnectionError

    from bot.reception import Reception

    real, failures = Reception.receive, [1, 1, 1]

    async def refuse(self, incoming, merge_seconds=None):
        if failures:
            failures.pop()
            raise RedisConnectionError("away")
        return await real(self, incoming, merge_seconds)

    monkeypatch.setattr(Reception, "receive", refuse)
    start()
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"
    assert not failures


def test_everything_it_started_ends_with_it(start, ann, worker):
    adapter = start()
    ann.write("hello")
    worker.says(talk_of(ann), "Hi")
    until(ann.sees)
    adapter.stop()
    assert adapter.error is None


@pytest.mark.parametrize("setting", ["discord_streaming", "discord_url"])
def test_a_setting_that_cannot_be_is_refused(make_front, setting):
    with pytest.raises(CompanionError):
        make_front(**{setting: "nonsense"})
