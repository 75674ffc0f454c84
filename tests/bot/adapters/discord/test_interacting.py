"""Commands and buttons: answered within Discord's three seconds, for the person's eyes, and working after a restart."""

import pytest

from bot.adapters.discord import slash, surface, tokens
from bot.i18n import say
from tests.bot.adapters.discord.conftest import SURFACE, talk_of
from tests.bot.adapters.working import until
from tests.fakes.discord import BOT_ID, SEND, THREADS

ME = f"<@{BOT_ID}>"
LONG = "The wind came over the sea and told a tale of long ago. " * 3


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(surface, "EDIT_SECONDS", 0.1)


@pytest.fixture
def adapter(start):
    return start()


def answered(worker, ann, text="Answer one", channel=None):
    ann.write(f"{ME} hello" if channel else "hello", channel)
    worker.says(talk_of(ann, channel), text)
    until(lambda: text in ann.sees(channel) and ["↻", "…"] in ann.buttons(channel))


def test_the_commands_come_from_the_table_with_descriptions_in_each_language(adapter, discord):
    commands = discord.commands
    assert {"chat", "start", "help", "persona", "privacy", "export", "forget", "channel", "admin", "Report"} <= set(commands)
    assert "quit" not in commands
    assert commands["help"]["description"] == say("en", "command-help")
    assert commands["help"]["description_localizations"]["zh-CN"] == say("zh", "command-help")
    assert [one["name"] for one in commands["persona"]["options"]] == ["list", "set"]
    assert commands["persona"]["options"][1]["options"][0]["autocomplete"]
    assert commands["channel"]["default_member_permissions"] == 1 << 5
    assert commands["admin"]["default_member_permissions"] == 1 << 3
    assert commands["help"]["default_member_permissions"] is None
    assert commands["Report"]["name_localizations"]["zh-CN"] == say("zh", "discord-report")


def test_commands_are_published_again_only_when_something_changed(start, discord, store, ann, worker):
    first = start()
    until(lambda: store.redis.exists(f"companion:{{discord:{BOT_ID}}}:menu:discord"))
    first.stop()
    second = start()
    ann.write("hello")
    worker.says(talk_of(ann), "Hello")  # which is delivered only when commands have been looked after
    until(ann.sees)
    second.stop()
    assert discord.num_syncs == 1
    start(language="zh")
    until(lambda: discord.num_syncs == 2)


def test_commands_that_cannot_be_published_cost_nothing_else(start, discord, ann, worker):
    discord.fail("PUT", "/applications/*/commands", 400, code=30034)
    start(waits=False)
    until(lambda: discord.sockets)
    ann.write("hello")
    worker.says(talk_of(ann), "Hello Ann")
    until(ann.sees)


def test_in_a_server_answers_are_for_the_person_alone(adapter, discord, ann):
    channel = discord.guild(ann)
    used = ann.use("privacy", channel)
    until(lambda: used.text and used.text.startswith(say("en", "privacy", turns=1000, days=0)[:40]))
    assert used.is_hidden
    assert ann.sees(channel) == []


def test_in_the_language_of_the_persons_client(adapter, discord, bob):
    used = bob.use("help", discord.guild(bob))
    until(lambda: used.text and used.text.startswith(say("zh", "help")))


def test_a_persona_is_suggested_and_set(adapter, discord, ann):
    channel = discord.guild(ann)
    asked = ann.completes("persona set", "ty", channel)
    until(lambda: asked.choices is not None)
    assert [one["value"] for one in asked.choices] == ["tycho"]
    used = ann.use("persona set", channel, value="tycho")
    until(lambda: used.text and "Tycho" in used.text)
    assert adapter.front.people.preferences(talk_of(ann)).persona == "tycho"


@pytest.mark.parametrize("num", [14, 40])
def test_there_may_be_more_to_choose_from_than_discord_has_rows_for(start, tmp_path, ann, num):
    """The list names all; buttons there are for as many as Discord takes."""
    for number in range(num):
        told = f'title = "P{number:02}"\ndescription = "One."\ngreeting = "Hi."'
        (tmp_path / f"p{number:02}.toml").write_text(told)
    start(persona_dir=tmp_path)
    ann.write("/persona")
    ann.use("persona list")
    until(lambda: [len(labels) for labels in ann.buttons()] == [min(num + 3, 25)] * 2)
    assert len(ann.sees()) == 2
    assert all(f"p{number:02}" in text for text in ann.sees() for number in range(num))


def test_an_export_comes_as_files_nobody_else_sees(adapter, discord, ann, worker):
    answered(worker, ann)
    used = ann.use("export", discord.guild(ann))
    until(lambda: len(discord.documents) == 2 and used.followups)
    assert used.is_hidden
    assert used.followups[0]["flags"] & 64
    assert any(b"Answer one" in content for _, _, content in discord.documents)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_export_asked_for_in_a_channel_comes_by_direct_message(start, discord, ann, language):
    start(language=language)
    channel = discord.guild(ann)
    ann.write(f"{ME} /export", channel)
    until(lambda: len(discord.documents) == 2)
    assert {where for where, _, _ in discord.documents} == {ann.dm.id}
    until(lambda: ann.sees(channel) == [say(language, "told-privately")])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_closed_direct_messages_are_told(start, discord, ann, language):
    start(language=language)
    channel = discord.guild(ann)
    ann.is_closed = True
    ann.write(f"{ME} /export", channel)
    until(lambda: ann.sees(channel) == [say(language, "write-first-discord")])


def test_chat_is_answered_in_the_answer_to_the_command(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    used = ann.use("chat", channel, message="hello there")
    reply = worker.takes(talk_of(ann, channel))
    assert reply.said == "hello there"
    assert used.text is None
    assert not used.is_hidden
    reply.streams(LONG, lambda: used.text == LONG.strip())
    reply.ends("The end.")
    until(lambda: used.text == "The end." and ann.buttons(channel) == [["↻", "…"]])
    assert ann.sees(channel) == ["The end."]
    assert discord.calls["POST /channels/*/messages"] == 0


def test_links_in_the_answer_to_the_command_have_no_preview_while_it_grows_and_when_it_is_whole(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    used = ann.use("chat", channel, message="where?")
    reply = worker.takes(talk_of(ann, channel))
    reply.streams(f"{LONG}See https://example.org/te", lambda: used.text == f"{LONG}See <https://example.org/te>")
    reply.ends("See https://example.org/tea, [this](https://example.org/cup) and `https://example.org/code`.")
    quiet = "See <https://example.org/tea>, [this](<https://example.org/cup>) and `https://example.org/code`."
    until(lambda: used.text == quiet)


def test_brackets_around_links_count_where_an_answer_is_cut(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    ann.use("chat", channel, message="all of them")
    links = [f"https://example.org/{number:03}" for number in range(82)]
    worker.says(talk_of(ann, channel), " ".join(links))
    until(lambda: " ".join(ann.sees(channel)) == " ".join(f"<{link}>" for link in links))
    assert len(ann.sees(channel)) == 2, "without the brackets it would have been one"


def test_chat_goes_on_as_a_message_when_the_interaction_is_over(start, monkeypatch, discord, ann, worker):
    monkeypatch.setattr(tokens, "VALID_SECONDS", 0.5)
    start()
    channel = discord.guild(ann)
    used = ann.use("chat", channel, message="hello")
    reply = worker.takes(talk_of(ann, channel))
    reply.streams(LONG, lambda: used.text == LONG.strip())
    used.is_expired = True
    until(lambda: not reply.streams(f"{LONG}On.", lambda: used.text == f"{LONG}On.".strip()) or True)
    reply.ends("The end.")
    until(lambda: ann.sees(channel) == ["The end."])


def test_a_long_answer_to_chat_goes_on_where_the_bot_may_not_write_itself(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    channel.guild.rights &= ~SEND
    long = "\n\n".join(f"{number} {'word ' * 300}".strip() for number in range(5))
    used = ann.use("chat", channel, message="tell me much")
    reply = worker.takes(talk_of(ann, channel))
    reply.streams(long[:5000], lambda: len(used.followups) == 3)
    reply.ends(long)
    until(lambda: "\n\n".join(ann.sees(channel)).split() == long.split() and ann.buttons(channel) == [["↻", "…"]])
    assert discord.calls["POST /channels/*/messages"] == 1, "refused, and remembered"

    again = ann.use("chat", channel, message="less")
    reply = worker.takes(talk_of(ann, channel))
    reply.streams(long[:5000], lambda: len(again.followups) == 3)
    reply.ends("Short.")
    until(lambda: again.text == "Short." and not again.followups)


def test_one_can_leaf_through_answers_in_place_where_the_bot_may_not_write_itself(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    channel.guild.rights &= ~SEND
    ann.use("chat", channel, message="hello")
    worker.says(talk_of(ann, channel), "Answer one")
    until(lambda: ann.buttons(channel) == [["↻", "…"]])
    ann.press("↻", channel)
    worker.says(talk_of(ann, channel), "Answer two")
    until(lambda: ann.buttons(channel) == [["◀ 1/2", "↻", "…"]])
    ann.press("◀", channel)
    until(lambda: ann.buttons(channel) == [["2/2 ▶", "↻", "…"]])
    assert ann.sees(channel) == ["Answer one", "Answer one"]


def test_chat_is_finished_by_the_next_process(start, discord, ann, worker):
    first = start()
    channel = discord.guild(ann)
    used = ann.use("chat", channel, message="hello")
    reply = worker.takes(talk_of(ann, channel))
    reply.streams(LONG, lambda: used.text == LONG.strip())
    first.stop()
    reply.ends("The end.")
    start()
    until(lambda: ann.sees(channel) == ["The end."])


def test_two_chats_that_became_one_turn_leave_nothing_that_thinks_for_ever(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    first = ann.use("chat", channel, message="one")
    until(lambda: first.original)
    second = ann.use("chat", channel, message="two")
    until(lambda: adapter.front.inbox.num_waiting(talk_of(ann, channel)) == 2)
    worker.says(talk_of(ann, channel), "Both")
    until(lambda: {first.text, second.text} == {"Both", None} and None in (first.original, second.original))
    assert ann.sees(channel) == ["Both"]


def test_a_thread_is_begun_in_which_each_message_is_heard_where_all_can_be_read(start, discord, ann, worker):
    discord.reads_all = True
    start(discord_message_content=True)
    channel = discord.guild(ann)
    used = ann.use("thread", channel, name="Tea")
    until(lambda: used.text)
    [thread] = [one for one in channel.guild.channels if one.type == 11]
    assert (used.text, thread.name, ann.sees(thread)) == (f"<#{thread.id}>", "Tea", [say("en", "discord-thread-all")])
    ann.write("hello there", thread)
    assert worker.takes(talk_of(ann, channel, thread)).said == "hello there"


def test_no_thread_is_begun_where_the_bot_may_not(adapter, discord, ann, bob):
    channel = discord.guild(ann, bob)
    channel.guild.rights &= ~THREADS
    in_english, in_chinese = ann.use("thread", channel), bob.use("thread", channel)
    until(lambda: in_english.text == say("en", "discord-thread-refused"))
    until(lambda: in_chinese.text == say("zh", "discord-thread-refused"))
    assert discord.calls["POST /channels/*/threads"] == 0


def test_a_command_that_went_wrong_does_not_seem_to_go_on(adapter, discord, ann, bob):
    """Discord says for a quarter of an hour that the bot thinks."""
    channel = discord.guild(ann, bob)
    discord.fail("POST", "/channels/*/threads", 400, 2, code=160006)
    in_english, in_chinese = ann.use("thread", channel), bob.use("thread", channel)
    until(lambda: in_english.text == say("en", "discord-failed"))
    until(lambda: in_chinese.text == say("zh", "discord-failed"))


def test_what_goes_wrong_behind_an_answer_leaves_the_answer(adapter, monkeypatch, discord, ann):
    ended, on_error = [], slash.Tree.on_error

    async def noted(*given):
        await on_error(*given)
        ended.append(given)

    monkeypatch.setattr(slash.Tree, "on_error", noted)
    discord.fail("POST", "/webhooks/*", 400)
    used = ann.use("export")
    until(lambda: ended)
    assert used.text.startswith(say("en", "export-done", turns=0))


def test_what_is_refused_is_said_in_the_answer(start, discord, ann):
    start(messages_per_minute=1)
    channel = discord.guild(ann)
    ann.write(f"{ME} hello", channel)
    used = ann.use("chat", channel, message="again")
    until(lambda: used.text)
    assert "…" not in used.text


def test_again_gives_another_answer_and_one_can_leaf_through_them_in_place(adapter, ann, worker):
    answered(worker, ann)
    ann.press("↻")
    worker.says(talk_of(ann), "Answer two")
    until(lambda: ann.buttons() == [["◀ 1/2", "↻", "…"]])
    ann.press("◀")
    until(lambda: ann.sees() == ["Answer one", "Answer one"])
    until(lambda: ann.buttons() == [["2/2 ▶", "↻", "…"]])
    assert worker.memory.last(talk_of(ann)).reply == "Answer one"


def test_stop_ends_the_reply(adapter, ann, worker):
    ann.write("hello")
    reply = worker.takes(talk_of(ann))
    reply.streams(LONG, ann.sees)
    pressed = ann.press("⏹")
    until(lambda: worker.leases.renew(reply.lease) == "stop")
    until(lambda: pressed.followups)
    assert pressed.followups[0]["content"] == say("en", "stop-stopping")
    assert pressed.followups[0]["flags"] & 64


def test_only_the_person_who_asked_may_press(adapter, discord, ann, bob, worker):
    channel = discord.guild(ann, bob)
    answered(worker, ann, channel=channel)
    pressed = bob.press("↻", channel)
    until(lambda: pressed.followups)
    assert pressed.followups[0]["content"] == say("zh", "button-of-another")
    assert worker.leases.acquire(talk_of(bob, channel)) is None


def test_buttons_work_after_a_restart(start, ann, worker):
    first = start()
    answered(worker, ann)
    first.stop()
    start()
    ann.press("↻")
    worker.says(talk_of(ann), "Answer two")
    until(lambda: ann.sees() == ["Answer one", "Answer two"])


@pytest.mark.parametrize("data", ["x", "a1.b.c", "s1..AAAAAAAAAAAA", "🙂" * 10])
def test_a_forged_button_does_nothing(adapter, ann, worker, data):
    answered(worker, ann)
    message = list(ann.dm.messages.values())[-1]
    pressed = ann.press_raw(message, data)
    until(lambda: pressed.followups)
    assert pressed.followups[0]["content"] == say("en", "button-old")


def test_a_question_that_only_the_person_sees_is_answered_in_its_place(adapter, discord, ann, worker):
    channel = discord.guild(ann)
    answered(worker, ann, channel=channel)
    used = ann.use("reset", channel)
    until(lambda: used.text and used.original.get("components"))
    pressed = ann.press(say("en", "button-reset"), channel, used.original)
    until(lambda: pressed.original and pressed.original["content"] == say("en", "reset-done", turns=1))
    assert worker.memory.num_turns(talk_of(ann, channel)) == 0


def test_admin_is_refused_to_others_and_confirms_out_of_sight(start, discord, ann, bob):
    start(owners=(f"discord:{ann.id}",))
    channel = discord.guild(ann, bob)
    refused = bob.use("admin", channel, words="stats")
    until(lambda: refused.text == say("zh", "denied-admin"))
    used = ann.use("admin", channel, words=f"reset {bob.id}")
    until(lambda: used.text and used.original.get("components"))
    pressed = ann.press(say("en", "admin-yes"), channel, used.original)
    until(
        lambda: (
            pressed.original
            and pressed.original["content"].startswith(say("en", "admin-reset-done", whom="|", turns=0).split("|")[0])
        )
    )
    assert ann.sees() == []


def test_an_admins_button_is_of_no_use_to_others_nor_to_who_is_no_admin_any_more(start, discord, ann, bob):
    first = start(owners=(f"discord:{ann.id}",))
    channel = discord.guild(ann, bob)
    used = ann.use("admin", channel, words=f"reset {bob.id}")
    until(lambda: used.text and used.original.get("components"))
    tried = bob.press(say("en", "admin-yes"), channel, used.original)
    until(lambda: [one["content"] for one in tried.followups] == [say("zh", "button-of-another")])
    first.stop()
    second = start()
    pressed = ann.press(say("en", "admin-yes"), channel, used.original)
    until(lambda: pressed.original and pressed.original["content"] == say("en", "denied-admin"))
    assert [(one.who, one.what) for one in second.front.audit.last(SURFACE, 9)] == [(f"discord:{ann.id}", "refused reset")]


def test_an_edit_into_an_admins_command_is_none(adapter, ann, worker):
    message = ann.write("hello")
    worker.says(talk_of(ann), "Hello there")
    until(lambda: ann.sees() == ["Hello there"])
    ann.edit(message, "/admin stats")
    ann.write("still here?")
    assert worker.says(talk_of(ann), "Yes").said == "still here?"
    until(lambda: ann.sees() == ["Hello there", "Yes"])


def test_a_report_reaches_the_owners_without_the_words(start, discord, ann, bob, worker):
    start(owners=(f"discord:{ann.id}",))
    channel = discord.guild(ann, bob)
    answered(worker, bob, "Something bad", channel)
    bad = list(channel.messages.values())[-1]
    used = bob.report(bad, channel)
    until(lambda: used.text == say("zh", "report-told"))
    assert used.is_hidden
    until(lambda: ann.sees())
    assert ann.sees() == [
        say(
            "en",
            "alert-report",
            whom=str(bob.id),
            link=f"<https://discord.com/channels/{channel.guild.id}/{channel.id}/{bad['id']}>",
        )
    ]


def test_a_report_that_nobody_hears_is_told_so(adapter, discord, ann, bob, worker):
    channel = discord.guild(ann, bob)
    answered(worker, bob, "Something bad", channel)
    bad = list(channel.messages.values())[-1]
    for person, language in ((ann, "en"), (bob, "zh")):
        used, expected = person.report(bad, channel), say(language, "report-known")
        until(lambda used=used, expected=expected: used.text == expected)


def test_an_interaction_that_redis_cannot_keep_is_told(adapter, monkeypatch, discord, ann, bob):
    from redis.exceptions import ConnectionError as RedisConnectionError

    async def refuse(*_):
        raise RedisConnectionError

    monkeypatch.setattr("bot.reception.Reception.receive", refuse)
    in_english, in_chinese = ann.use("help"), bob.use("help")
    until(lambda: in_english.text == say("en", "discord-again"))
    until(lambda: in_chinese.text == say("zh", "discord-again"))
