"""A channel in which everybody has one talk with the bot: who may choose that, who is heard, and what stays their own."""

import pytest

from bot.i18n import say
from tests.bot.adapters.discord.conftest import talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID

ME = f"<@{BOT_ID}>"


def everybody(ann, channel):
    return talk_of(ann, channel).shared


def test_each_is_heard_by_name_in_one_talk(channel, ann, bob, worker):
    ann.write(f"{ME} I like tea", channel)
    worker.says(everybody(ann, channel), "Tea is good.")
    until(lambda: ann.sees(channel) == ["Tea is good."])
    bob.write(f"{ME} so do I", channel)
    assert worker.says(everybody(ann, channel), "Bob too!").said == "Bob: so do I"
    until(lambda: ann.sees(channel)[-1] == "Bob too!")
    assert [turn.said for turn in worker.memory.recent(everybody(ann, channel))] == ["Ann: I like tea", "Bob: so do I"]
    assert worker.memory.num_turns(talk_of(ann, channel)) == 0


def test_anybody_there_may_use_the_buttons(channel, ann, bob, worker):
    ann.write(f"{ME} hello", channel)
    worker.says(everybody(ann, channel), "Answer one")
    until(lambda: ann.buttons(channel))
    bob.press("↻", channel)
    asked = worker.says(everybody(ann, channel), "Answer two")
    assert [line.speaker for line in asked.lease.lines] == [str(bob.id)], "who pressed can be forgotten as well"
    until(lambda: ann.sees(channel) == ["Answer one", "Answer two"])


def test_who_does_not_manage_the_server_cannot_choose(start, discord, ann, bob, worker):
    start()
    channel = discord.guild(ann, bob, managers=[ann])
    used = bob.use("channel set", channel, value="shared")
    until(lambda: used.text == say("zh", "channel-denied"))
    cat = discord.person("Cat")
    elsewhere = cat.use("channel set", discord.guild(cat, managers=[ann]), value="shared")
    until(lambda: elsewhere.text == say("en", "channel-denied"))
    bob.write(f"{ME} hello", channel)
    assert worker.takes(talk_of(bob, channel)).said == "hello"


@pytest.mark.parametrize("command", ["reset", "persona set"])
def test_what_holds_for_all_is_for_who_manages_the_server(channel, discord, bob, command):
    for person, language in ((bob, "zh"), (discord.person("Cat"), "en")):
        used = person.use(command, channel, **({"value": "tycho"} if "set" in command else {}))
        until(lambda used=used, language=language: used.text == say(language, "channel-only-managers"))


def test_a_block_of_one_person_holds_there_and_their_limits_are_their_own(channel, start, discord, ann, bob, worker, store):
    store.redis.hset(f"companion:{{discord:{BOT_ID}}}:access", f"block:person:{bob.id}", "1")
    bob.write(f"{ME} hello", channel)
    until(lambda: ann.sees(channel))
    ann.write(f"{ME} hello", channel)
    assert worker.takes(everybody(ann, channel)).said == "Ann: hello"


def test_commands_about_oneself_are_about_oneself(channel, ann, bob, worker):
    ann.write(f"{ME} my secret", channel)
    worker.says(everybody(ann, channel), "Hm.")
    used = bob.use("stats", channel)
    until(lambda: used.text)
    asked = bob.use("forget", channel, words="yes")
    until(lambda: asked.text)
    assert worker.memory.num_turns(everybody(ann, channel)) == 1


def test_when_each_has_their_own_again_what_was_shared_is_erased(channel, ann, worker):
    ann.write(f"{ME} hello", channel)
    worker.says(everybody(ann, channel), "Hello")
    until(lambda: ann.sees(channel))
    used = ann.use("channel set", channel, value="own")
    until(lambda: used.text == say("en", "channel-own"))
    assert worker.memory.num_turns(everybody(ann, channel)) == 0
    ann.write(f"{ME} and now", channel)
    assert worker.takes(talk_of(ann, channel)).said == "and now"


def test_a_server_that_put_the_bot_out_while_nothing_ran_takes_what_was_shared_too(start, discord, ann, worker):
    first = start()
    left, stays = (discord.guild(ann, managers=[ann]) for _ in range(2))
    for channel in (left, stays):
        used = ann.use("channel set", channel, value="shared")
        until(lambda used=used: used.text)
        ann.write(f"{ME} hello", channel)
        worker.says(everybody(ann, channel), "Hello")
        until(lambda channel=channel: ann.sees(channel) == ["Hello"])
    first.stop()
    discord.remove_bot(left.guild)
    start()
    until(lambda: worker.memory.num_turns(everybody(ann, left)) == 0)
    assert worker.memory.num_turns(everybody(ann, stays)) == 1


def test_direct_messages_stay_apart(channel, ann, worker):
    ann.write("hello")
    assert worker.takes(talk_of(ann)).said == "hello"


def test_a_server_that_puts_the_bot_out_takes_what_was_shared_with_it(channel, discord, ann, worker):
    ann.write(f"{ME} hello", channel)
    worker.says(everybody(ann, channel), "Hello")
    until(lambda: ann.sees(channel))
    discord.remove_bot(channel.guild)
    until(lambda: worker.memory.num_turns(everybody(ann, channel)) == 0)
