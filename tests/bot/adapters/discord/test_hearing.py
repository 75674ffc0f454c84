"""Who is heard, and what of it: direct messages, mentions, replies, threads; names, quotes and things that cannot be read."""

import pytest

from bot.i18n import say
from tests.bot.adapters.discord.conftest import talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID

ME = f"<@{BOT_ID}>"
PICTURE = {"id": "0", "filename": "x", "size": 1, "url": "https://x", "proxy_url": "https://x", "content_type": "image/png"}


@pytest.fixture
def adapter(start):
    return start()


def test_a_direct_message_is_answered(adapter, ann, worker):
    ann.write("hello")
    assert worker.says(talk_of(ann), "Hello Ann").said == "hello"
    until(lambda: ann.sees() == ["Hello Ann"])


def test_a_mention_in_a_channel_is_answered_under_the_message_and_nobody_is_pinged(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    asked = ann.write(f"{ME} hello", channel)
    assert worker.says(talk_of(ann, channel), "Hello @everyone").said == "hello"
    until(lambda: ann.sees(channel) == ["Hello @everyone"])
    [reply] = [one for one in channel.messages.values() if one["author"]["bot"]]
    assert reply["referenced_message"]["id"] == asked["id"]
    sent = next(body for method, path, body in discord.asked if method == "POST" and path.endswith("/messages"))
    assert sent["allowed_mentions"] == {"parse": []}


def test_marks_become_the_names_that_everybody_sees(adapter, discord, ann, bob, worker):
    channel = discord.guild(ann, bob)
    ann.write(f"{ME}, ask {bob.mention} in <#{channel.id}> <:wave:123456>", channel)
    assert worker.takes(talk_of(ann, channel)).said == "ask @Bob in #general :wave:"


@pytest.mark.parametrize("text", ["hello", "@everyone hello", "hello <@&{role}>", "companion hello"])
def test_what_does_not_name_the_bot_is_none_of_its_business(adapter, discord, ann, worker, text):
    channel = discord.guild(ann)
    ann.write(text.format(role=channel.guild.id + 1), channel)
    ann.write(f"{ME} now you", channel)
    assert worker.takes(talk_of(ann, channel)).said == "now you"


def test_bots_webhooks_and_the_platform_itself_are_not_answered(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    text = f"{ME} hello"
    discord.say(ann.as_json() | {"bot": True}, text, channel)
    discord.say(ann.as_json(), text, channel, webhook_id="77")
    discord.say(ann.as_json(), text, channel, type=7)
    discord.say(discord.bot, text, channel)
    ann.write(f"{ME} really me", channel)
    assert worker.takes(talk_of(ann, channel)).said == "really me"


def test_a_reply_to_the_bot_is_to_the_bot(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    ann.write(f"{ME} hello", channel)
    worker.says(talk_of(ann, channel), "Hello")
    until(lambda: ann.sees(channel))
    answer = list(channel.messages.values())[-1]
    ann.write("and you?", channel, reply_to=answer)
    assert worker.takes(talk_of(ann, channel)).said == "and you?"


def test_what_a_message_replies_to_is_quoted(adapter, discord, ann, bob, worker):
    channel = discord.guild(ann, bob)
    said = bob.write("The sky is green.\nReally.", channel)
    said["mentions"] = [discord.bot]  # the bot sees what it quotes only where Discord shows it
    ann.write(f"{ME} is that so?", channel, reply_to=said)
    head = say("en", "quoted", name="Bob")
    assert worker.takes(talk_of(ann, channel)).said == f"[{head}]\n> The sky is green.\n> Really.\nis that so?"


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"attachments": [{"content_type": "image/png"}]}, "picture"),
        ({"attachments": [{"content_type": "audio/ogg"}]}, "voice"),
        ({"attachments": [{"content_type": None}]}, "file"),
        ({"sticker_items": [{"id": "5", "name": "hi", "format_type": 1}]}, "sticker"),
    ],
)
def test_what_cannot_be_read_is_answered_with_a_friendly_line(adapter, ann, field, kind):
    for number, one in enumerate(field.get("attachments", [])):
        one |= {"id": str(number), "filename": "x", "size": 1, "url": "https://x", "proxy_url": "https://x"}
    ann.write(**field)
    until(lambda: ann.sees() == [say("en", "cannot", what=kind)])


def forwarded(text="", **more):
    """As fields of the message that forwards it."""
    told = {"type": 0, "content": text, "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "flags": 0}
    told |= {"embeds": [], "attachments": [], "mentions": [], "mention_roles": [], "sticker_items": []} | more
    return {"message_reference": {"type": 1, "channel_id": "5", "message_id": "6"}, "message_snapshots": [{"message": told}]}


def test_what_is_forwarded_is_quoted(adapter, ann, worker):
    ann.write(**forwarded("The sky is green."))
    assert worker.takes(talk_of(ann)).said == f"[{say('en', 'discord-forwarded')}]\n> The sky is green."


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"attachments": [PICTURE]}, "picture"),
        ({"sticker_items": [{"id": "5", "name": "hi", "format_type": 1}]}, "sticker"),
    ],
)
def test_what_is_forwarded_and_cannot_be_read_is_told_too(adapter, ann, field, kind):
    ann.write(**forwarded(**field))
    until(lambda: ann.sees() == [say("en", "cannot", what=kind)])


def test_a_bare_mention_is_answered(adapter, discord, ann):
    channel = discord.guild(ann)
    ann.write(ME, channel)
    until(lambda: ann.sees(channel) == [say("en", "discord-called")])


def test_an_answer_to_an_edit_is_offered_and_a_preview_is_no_edit(adapter, ann, discord, worker):
    message = ann.write("helo")
    worker.says(talk_of(ann), "What?")
    until(lambda: ann.sees())
    discord.tell("MESSAGE_UPDATE", message)
    ann.edit(message, "hello")
    until(lambda: ann.sees() == ["What?", say("en", "edit-offer")])
    ann.press(say("en", "button-anew"))
    assert worker.says(talk_of(ann), "Hello").said == "hello"
    until(lambda: ann.sees() == ["What?", "Hello"])


def test_each_thread_is_a_talk_of_its_own(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    thread = discord.thread(channel)
    ann.write(f"{ME} hello", thread)
    worker.says(talk_of(ann, channel, thread), "Hello there")
    until(lambda: ann.sees(thread) == ["Hello there"])
    assert ann.sees(channel) == []


def test_with_the_intent_the_bots_own_threads_and_its_names_need_no_mention(start, discord, ann, worker):
    discord.reads_all = True
    start(discord_message_content=True, discord_names=("Wren",))
    channel = discord.guild(ann)
    mine, other = discord.thread(channel), discord.thread(channel, owner_id=ann.id)
    ann.write("hello", other)
    ann.write("hello there", mine)
    ann.write("wren, are you here?", channel)
    ann.write("the wren is a bird", channel)
    assert worker.takes(talk_of(ann, channel, mine)).said == "hello there"
    assert worker.takes(talk_of(ann, channel)).said == "wren, are you here?"
    assert worker.leases.acquire(talk_of(ann, channel, other)) is None


def test_with_the_intent_a_reply_to_the_bot_needs_no_ping(start, discord, ann, worker):
    discord.reads_all = True
    start(discord_message_content=True)
    channel = discord.guild(ann)
    ann.write(f"{ME} hello", channel)
    worker.says(talk_of(ann, channel), "Hello")
    until(lambda: ann.sees(channel))
    ann.write("and you?", channel, reply_to=list(channel.messages.values())[-1], ping=False)
    assert worker.takes(talk_of(ann, channel)).said == "and you?"


@pytest.mark.parametrize(("reads_all", "key"), [(False, "discord-hello-server"), (True, "discord-hello-server-all")])
def test_a_server_that_takes_it_in_is_told_what_it_reads_there(start, discord, ann, reads_all, key):
    discord.reads_all = reads_all
    start(discord_message_content=reads_all)
    channel = discord.guild(ann)
    channel.guild.system = channel
    told = channel.guild.as_json(discord.bot)
    del told["unavailable"]  # which a server has that was there before
    discord.tell("GUILD_CREATE", told)
    until(lambda: ann.sees(channel) == [say("en", key, name=ME)])


def test_two_people_at_once_have_talks_of_their_own(adapter, discord, ann, bob, worker):
    channel = discord.guild(ann, bob)
    ann.write(f"{ME} I am Ann", channel)
    bob.write(f"{ME} I am Bob", channel)
    assert worker.says(talk_of(bob, channel), "Hello Bob").said == "I am Bob"
    assert worker.says(talk_of(ann, channel), "Hello Ann").said == "I am Ann"
    until(lambda: sorted(ann.sees(channel)) == ["Hello Ann", "Hello Bob"])


def test_lines_keep_their_order(adapter, ann, worker):
    for number in range(8):
        ann.write(f"line {number}")
    until(lambda: adapter.front.inbox.num_waiting(talk_of(ann)) == 8)
    assert worker.takes(talk_of(ann)).said.split("\n") == [f"line {number}" for number in range(8)]
