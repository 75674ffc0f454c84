"""Discord's limits, before they are broken: what waits for them is counted, and what could be left out delays no final."""

import time

import pytest

from bot.adapters.discord import surface
from bot.core import metrics
from bot.i18n import say
from tests.bot.adapters.discord.conftest import talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID

ME = f"<@{BOT_ID}>"
LONG = "The wind came over the sea and told a tale of long ago. " * 3
SOON = 20
"""Seconds; below the 28 for which a limit lasts here, as the library raises what would last longer than 30."""


@pytest.fixture
def tight(monkeypatch, discord):
    """Allows so many calls of a kind in a place, then none for long."""
    monkeypatch.setattr(surface, "EDIT_SECONDS", 0.5)
    monkeypatch.setattr(surface, "BUSY_EDIT_SECONDS", 0.5)

    def begin(num_calls, seconds=28):
        monkeypatch.setattr("tests.fakes.discord._CALLS", num_calls)
        monkeypatch.setattr("tests.fakes.discord._SECONDS", seconds)
        discord.limits = True

    return begin


def waits(what):
    return metrics.REGISTRY.get_sample_value(f"companion_limit_wait_seconds_{what}", {"platform": "discord"}) or 0


def test_waits_in_the_librarys_own_buckets_are_counted_with_their_seconds(start, tight, discord, ann):
    start()
    tight(2, 1.0)
    count, seconds = waits("count"), waits("sum")
    for number in range(5):
        ann.write("/about")
        until(lambda number=number: len(ann.sees()) == number + 1)
    assert discord.num_limited == 0
    assert waits("count") >= count + 2
    assert 1.0 < waits("sum") - seconds < 60


def test_waits_for_an_interactions_token_are_counted_too(start, tight, discord, ann):
    start()
    tight(1, 0.5)
    count = waits("count")
    used = ann.use("about")
    until(lambda: used.text)
    until(lambda: waits("count") > count)


def test_a_final_does_not_wait_while_a_draft_that_took_the_last_call_would(start, tight, discord, ann, worker):
    start()
    tight(1)
    ann.write("hello")
    reply = worker.takes(talk_of(ann))
    reply.streams(LONG, lambda: ann.sees() == [LONG.strip()])
    reply.ends("The end.")
    until(lambda: ann.sees() == ["The end."], SOON)
    assert discord.num_limited == 0


def keep_showing(replies, edits, most):
    """Drafts until so many edits were made of them; and for a while more, in which there would be others if there could."""
    more = iter(range(30))
    while edits() < most or next(more, None) is not None:
        for reply in replies:
            reply.shows(f"{LONG}{reply.seq}")
        time.sleep(0.1)


def test_drafts_leave_a_call_to_the_final_of_everybody_in_the_channel(start, tight, discord, ann, bob, worker):
    start()
    channel = discord.guild(ann, bob)
    for person in (ann, bob):
        person.write(f"{ME} hello", channel)
    replies = [worker.takes(talk_of(person, channel)) for person in (ann, bob)]
    for number, reply in enumerate(replies, 1):
        reply.streams(LONG, lambda number=number: len(ann.sees(channel)) == number)
    tight(5)
    before = discord.calls["PATCH /channels/*/messages/*"]
    keep_showing(replies, lambda: discord.calls["PATCH /channels/*/messages/*"] - before, 3)
    for reply in replies:
        reply.ends("The end.")
    until(lambda: ann.sees(channel) == ["The end.", "The end."], SOON)
    assert discord.num_limited == 0


def test_drafts_leave_a_call_by_the_token_to_the_final_of_an_answer_to_a_command(start, tight, discord, ann, worker):
    start()
    tight(5)
    used = ann.use("chat", message="hello")
    reply = worker.takes(talk_of(ann))
    keep_showing([reply], lambda: discord.calls["PATCH /webhooks/*/*/messages/@original"], 4)
    reply.ends("The end.")
    until(lambda: used.text == "The end.", SOON)
    assert discord.num_limited == 0


def test_a_draft_that_discord_could_not_take_is_not_tried_again_before_the_final(start, tight, discord, ann, worker):
    """The library tries again by itself after pauses of 1, 3, 5 seconds and more, within the call."""
    start()
    tight(5)
    ann.write("hello")
    reply = worker.takes(talk_of(ann))
    reply.streams(LONG, lambda: ann.sees() == [LONG.strip()])
    discord.fail("PATCH", "/channels/*/messages/*", 500, 3)
    reply.streams(f"{LONG}More.", lambda: discord.calls["PATCH /channels/*/messages/*"] == 3)
    reply.ends("The end.")
    until(lambda: ann.sees() == ["The end."])
    edits = [body["content"] for method, path, body in discord.asked if method == "PATCH" and path.startswith("/channels")]
    assert edits == [f"{LONG}More.".strip()] * 3 + ["The end."]


def test_who_waits_in_line_is_answered_though_telling_so_has_to_wait(start, monkeypatch, discord, ann, worker):
    monkeypatch.setattr("bot.waiting._AGAIN_SECONDS", 0.5)  # meanwhile it is told again
    start()
    discord.fail("POST", "/channels/*/messages", 500, 3)
    ann.write("hello")
    until(lambda: discord.calls["POST /channels/*/messages"] == 3)  # a word on why nobody answers
    worker.says(talk_of(ann), "Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    said = [body["content"] for method, path, body in discord.asked if method == "POST" and path.endswith("/messages")]
    assert said == [say("en", "waiting-nobody")] * 3 + ["Hello there"]
