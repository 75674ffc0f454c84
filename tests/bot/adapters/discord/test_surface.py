"""How a reply comes to be seen: it grows, it ends, and it is found again, whatever Discord says meanwhile."""

import time
from types import SimpleNamespace

import pytest

from bot.adapters.discord import app, surface
from bot.core import metrics
from bot.i18n import say
from tests.bot.adapters.discord.conftest import SURFACE, talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID, SEND, SUPPRESS_EMBEDS, VIEW

ME = f"<@{BOT_ID}>"
LONG = "The wind came over the sea and told a tale of long ago. " * 3
CODE = "Here it is:\n```python\n" + "\n".join(f"value_{n} = {n}  # a line of code" for n in range(150)) + "\n```\nThat is all."


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(surface, "EDIT_SECONDS", 0.1)


def begun(worker, person, text="hello"):
    person.write(text)
    return worker.takes(talk_of(person))


def test_a_reply_grows_under_edits_and_ends_with_buttons(start, quick, discord, ann, worker):
    start()
    reply = begun(worker, ann)
    until(lambda: ann.dm.num_typing)
    reply.shows("Once")
    reply.streams(LONG[:60], lambda: ann.sees() == [LONG[:60].strip()])
    assert ann.buttons() == [["⏹"]]
    reply.streams(LONG, lambda: ann.sees() == [LONG.strip()])
    reply.ends(f"{LONG}The end.")
    until(lambda: ann.buttons() == [["↻", "…"]])
    assert ann.sees() == [f"{LONG}The end."]
    assert discord.calls["POST /channels/*/messages"] == 1
    [message] = [one for one in ann.dm.messages.values() if one["author"]["bot"]]
    assert message["flags"] & SUPPRESS_EMBEDS


def test_a_few_words_are_not_shown_at_once_but_after_a_second(start, discord, ann, worker):
    start()
    reply = begun(worker, ann)
    began = time.monotonic()
    reply.streams("Hm.", lambda: ann.sees() == ["Hm."])
    assert time.monotonic() - began > surface.FIRST_SECONDS


def test_edits_keep_their_pace_and_the_latest_wins(start, discord, ann, worker):
    start()
    reply = begun(worker, ann)
    began = time.monotonic()
    for number in range(30):
        reply.shows(LONG + str(number))
        time.sleep(0.05)
    until(lambda: ann.sees() == [f"{LONG}29"])
    most = (time.monotonic() - began) / surface.EDIT_SECONDS + 1
    assert discord.calls["POST /channels/*/messages"] == 1
    assert discord.calls["PATCH /channels/*/messages/*"] <= min(most, 29)


def test_where_several_are_answered_at_once_edits_are_fewer_and_finals_at_once(start, monkeypatch, discord, ann, bob, worker):
    monkeypatch.setattr(surface, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr(surface, "BUSY_EDIT_SECONDS", 600)
    monkeypatch.setattr(surface, "FIRST_SECONDS", 600)
    monkeypatch.setattr(surface, "_TYPING_SECONDS", 0)
    start()
    channel = discord.guild(ann, bob)
    for person in (ann, bob):
        person.write(f"{ME} hello", channel)
    hers, his = (worker.takes(talk_of(person, channel)) for person in (ann, bob))
    shown = channel.num_typing + 2  # for each a sign that it was heard
    hers.streams("Hm.", lambda: channel.num_typing > shown)  # its editor waits for more words
    his.streams(LONG, lambda: ann.sees(channel) == [LONG.strip()])
    his.shows(f"{LONG}More.")
    hers.streams(f"Hm. {LONG}", lambda: len(ann.sees(channel)) == 2)
    assert ann.sees(channel) == [LONG.strip(), f"Hm. {LONG}".strip()]
    for reply in (his, hers):
        reply.ends("The end.")
    until(lambda: ann.sees(channel) == ["The end.", "The end."])


def test_a_long_answer_with_code_is_several_whole_messages(start, quick, ann, worker):
    start()
    reply = begun(worker, ann)
    reply.streams(CODE[:2500], lambda: len(ann.sees()) == 2)
    reply.ends(CODE)
    until(lambda: ann.buttons() == [["↻", "…"]])
    parts = ann.sees()
    assert len(parts) == 3
    assert all(part.count("```") == 2 and len(part) < 2000 for part in parts)
    assert [int(line.split()[2]) for part in parts for line in part.splitlines() if line.startswith("value_")] == [*range(150)]


def test_a_final_does_not_wait_behind_drafts_that_discord_slows_down(start, monkeypatch, discord, ann, worker):
    """Five calls in five seconds, here in 28: drafts leave the last of them to the final."""
    monkeypatch.setattr(surface, "EDIT_SECONDS", 0.05)
    monkeypatch.setattr("tests.fakes.discord._SECONDS", 28)
    discord.limits = True
    shed = metrics.DRAFTS.labels("discord", "shed")._value.get()
    start()
    reply = begun(worker, ann)
    for number in range(20):
        reply.shows(LONG + str(number))
        time.sleep(0.05)
    reply.ends("The end.")
    until(lambda: ann.sees() == ["The end."], 20)
    assert discord.num_limited == 0
    assert metrics.DRAFTS.labels("discord", "shed")._value.get() > shed


def test_of_a_draft_that_its_final_overtook_nothing_is_kept(start, monkeypatch, ann, worker):
    """A process runs for months, and meets many people."""
    made = []
    monkeypatch.setattr(app, "DiscordSurface", lambda *parts: made.append(surface.DiscordSurface(*parts)) or made[-1])
    monkeypatch.setattr(surface, "FIRST_SECONDS", 600)
    monkeypatch.setattr(surface, "_TYPING_SECONDS", 0)
    start()
    reply = begun(worker, ann)
    shown = ann.dm.num_typing + 2
    reply.streams("Hm.", lambda: ann.dm.num_typing > shown)  # its editor waits for more words
    reply.ends("Hm, yes.")
    until(lambda: ann.buttons() == [["↻", "…"]])
    assert not made[-1]._newest


def test_thoughts_are_small_and_remarks_too(start, ann, worker):
    start()
    begun(worker, ann).ends("Four.", thought="2 and 2\nmake 4", note="stopped")
    until(lambda: ann.sees() == [f"-# 2 and 2\n-# make 4\n\nFour.\n\n-# {say('en', 'note-stopped')}"])


def test_only_the_newest_answer_has_buttons(start, ann, worker):
    start()
    for number in range(3):
        begun(worker, ann, str(number)).ends(f"Answer {number}")
        until(lambda number=number: len(ann.sees()) > number and ann.buttons() == [["↻", "…"]])


def test_with_streaming_off_it_only_types(start, ann, worker):
    start(discord_streaming="off")
    reply = begun(worker, ann)
    for _ in range(5):
        reply.shows(LONG)
        time.sleep(0.1)
    assert ann.sees() == []
    reply.ends("The end.")
    until(lambda: ann.sees() == ["The end."])


@pytest.mark.parametrize("fault", [500, 502, "after", "cut"])
def test_what_breaks_on_the_way_arrives_once(start, monkeypatch, discord, ann, worker, fault):
    """A repeated send names itself, so Discord gives the first message."""
    monkeypatch.setattr("bot.adapters.discord.trouble.AGAIN_SECONDS", 0.05)
    start()
    discord.fail("POST", "/channels/*/messages", fault, 1 if isinstance(fault, int) else 2)
    begun(worker, ann).ends("Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    until(lambda: worker.memory.sent(talk_of(ann)))
    assert ann.sees() == ["Hello there"]


@pytest.mark.parametrize("fault", ["after", "cut"])
def test_an_answer_of_the_bots_own_that_breaks_on_the_way_arrives_once_too(start, monkeypatch, discord, ann, fault):
    monkeypatch.setattr("bot.adapters.discord.trouble.AGAIN_SECONDS", 0.05)
    start()
    discord.fail("POST", "/channels/*/messages", fault, 2)
    ann.write("/help")
    until(ann.sees)
    ann.write("/about")
    until(lambda: len(ann.sees()) > 1)
    assert len(ann.sees()) == 2


def test_a_prompt_that_was_deleted_is_answered_all_the_same(start, discord, ann, worker):
    start()
    channel = discord.guild(ann)
    message = ann.write(f"{ME} hello", channel)
    reply = worker.takes(talk_of(ann, channel))
    ann.delete(message)
    reply.ends("Hello there")
    until(lambda: ann.sees(channel) == ["Hello there"])


def test_a_message_that_somebody_deleted_is_sent_again(start, quick, discord, ann, worker):
    start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    ann.dm.messages.popitem()
    reply.ends("The end.")
    until(lambda: ann.sees() == ["The end."])


def delivered(outcome):
    return metrics.DELIVERIES.labels("discord", outcome)._value.get()


@pytest.mark.parametrize("change", [{"denied": SEND}, {"denied": VIEW}, {"is_gone": True}, {"is_locked": True}])
def test_where_the_bot_may_not_write_it_asks_at_most_once(start, discord, ann, worker, change):
    start()
    channel = discord.guild(ann)
    place = discord.thread(channel) if "is_locked" in change else channel
    where = talk_of(ann, channel, place if place is not channel else None)
    gone = delivered("gone")
    for number in range(2):
        ann.write(f"{ME} hello", place)
        reply = worker.takes(where)
        discord.change(place, **change)
        reply.ends("Hello there")
        until(lambda number=number: delivered("gone") == gone + number + 1)
    assert discord.calls["POST /channels/*/messages"] <= 1  # before it heard of the change


def test_a_permission_that_only_discord_knows_of_is_asked_for_once(start, discord, ann, worker):
    start()
    channel = discord.guild(ann)
    gone = delivered("gone")
    channel.denied = SEND  # and no event tells
    for number in range(3):
        ann.write(f"{ME} hello", channel)
        worker.says(talk_of(ann, channel), "Hello there")
        until(lambda number=number: delivered("gone") == gone + number + 1)
    assert_asked_once(discord)


def assert_asked_once(discord):
    """To write and to show that it types: both may be on their way before either is refused."""
    assert discord.calls["POST /channels/*/messages"] <= 1
    assert discord.calls["POST /channels/*/typing"] <= 1


def test_a_refusal_holds_for_everybody_in_the_channel(start, discord, ann, bob, worker):
    start()
    channel = discord.guild(ann, bob)
    gone = delivered("gone")
    channel.denied = SEND  # and no event tells
    for number, person in enumerate((ann, bob)):
        person.write(f"{ME} hello", channel)
        worker.says(talk_of(person, channel), "Hello there")
        until(lambda number=number: delivered("gone") == gone + number + 1)
    assert_asked_once(discord)


def test_direct_messages_that_are_closed_are_left_alone_until_they_may_be_open_again(start, monkeypatch, ann, worker, discord):
    start()
    gone = delivered("gone")
    ann.is_closed = True
    for number in range(3):
        begun(worker, ann).ends("Hello there")
        until(lambda number=number: delivered("gone") == gone + number + 1)
    assert discord.calls["POST /channels/*/messages"] == 1
    ann.is_closed = False
    later = time.monotonic() + 61
    monkeypatch.setattr("bot.adapters.discord.sending.time", SimpleNamespace(monotonic=lambda: later))
    begun(worker, ann).ends("Hello again")
    until(lambda: ann.sees() == ["Hello again"])


def test_closed_direct_messages_are_an_end(start, ann, worker):
    start()
    gone = delivered("gone")
    ann.write("hello")
    ann.is_closed = True
    worker.says(talk_of(ann), "Hello there")
    until(lambda: delivered("gone") == gone + 1)


def test_an_archived_thread_is_opened_again(start, discord, ann, worker):
    start()
    channel = discord.guild(ann)
    thread = discord.thread(channel)
    ann.write(f"{ME} hello", thread)
    reply = worker.takes(talk_of(ann, channel, thread))
    discord.change(thread, is_archived=True)
    reply.ends("Hello there")
    until(lambda: ann.sees(thread) == ["Hello there"])
    assert not thread.is_archived


def test_an_archive_that_only_discord_knows_of_is_opened_too(start, monkeypatch, quick, discord, ann, worker):
    monkeypatch.setattr("bot.adapters.discord.trouble.AGAIN_SECONDS", 0.05)
    start()
    channel = discord.guild(ann)
    thread = discord.thread(channel)
    ann.write(f"{ME} hello", thread)
    reply = worker.takes(talk_of(ann, channel, thread))
    reply.streams(LONG, lambda: ann.sees(thread) == [LONG.strip()])
    thread.is_archived = True  # and no event tells
    reply.ends("The end.")
    until(lambda: ann.sees(thread) == ["The end."])
    assert not thread.is_archived


def test_slow_mode_is_waited_for(start, monkeypatch, discord, ann, worker):
    monkeypatch.setattr("bot.adapters.discord.trouble.AGAIN_SECONDS", 0.05)
    start()
    ann.dm.slow_for = 2
    begun(worker, ann).ends("Hello there")
    until(lambda: ann.sees() == ["Hello there"])


def test_an_answer_to_a_command_waits_for_as_long_as_something_is_in_the_way(start, monkeypatch, ann):
    """Which may be longer than a few tries: a network that is away for a moment, a group in which everybody asks at once."""
    monkeypatch.setattr("bot.adapters.discord.trouble.AGAIN_SECONDS", 0.05)
    start()
    ann.dm.slow_for = 12
    ann.write("/memory")
    until(lambda: ann.sees() == [say("en", "memory-empty")])


def test_what_a_dead_process_had_shown_is_finished_by_the_next(start, quick, ann, worker):
    first = start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    first.stop()
    reply.ends("The end of the tale.")
    start()
    until(lambda: ann.sees() == ["The end of the tale."])


def test_a_server_that_puts_the_bot_out_ends_what_is_on_its_way(start, discord, ann, worker, store):
    adapter = start()
    channel = discord.guild(ann)
    ann.write(f"{ME} hello", channel)
    reply = worker.takes(talk_of(ann, channel))
    discord.remove_bot(channel.guild)
    until(lambda: worker.leases.renew(reply.lease) == "stop")
    assert adapter.error is None
    assert SURFACE in store.surfaces()
