"""Who is spoken to, and what they said: private chats, groups, topics, and everything that people send beside words."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.core.inbox import Inbox
from bot.i18n import say
from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.fakes.telegram import ANONYMOUS_ID, entities_of


@pytest.fixture
def adapter(start):
    return start()


@pytest.fixture
def group(telegram, ann, bob):
    return telegram.group(-100500, ann, bob)


def settle(telegram, ann, worker, text="are you there?"):
    """What came before has been taken when this has been answered: a chat's updates are taken in order of coming."""
    ann.write(text)
    return worker.says(talk_of(ann.id), "here").said


def waiting(adapter, where):
    return [line.text for line in adapter.front.inbox.waiting(where)]


def test_a_private_message_is_answered(adapter, telegram, ann, worker):
    ann.write("hello")
    assert worker.says(talk_of(ann.id), "Hi **Ann**").said == "hello"

    until(lambda: ann.sees() == ["Hi Ann"])
    assert telegram.entities(ann.chat) == [("bold", "Ann")]


def test_topics_of_a_private_chat_are_conversations_of_their_own(adapter, telegram, ann, worker):
    ann.write("hello", thread=7)
    worker.says(talk_of(ann.id, thread=7), "in the topic")

    until(ann.sees)
    assert telegram.asked("sendMessage")[-1]["message_thread_id"] == 7


@pytest.mark.parametrize(
    "text", ["@Companion_Bot hello", "@companion_bot, hello", "hello @COMPANION_BOT", "/ask hello", "/ask@companion_bot hello"]
)
def test_in_a_group_whoever_names_the_bot_is_answered_and_the_name_is_left_out(adapter, ann, group, worker, text):
    message = ann.write(text, group)

    assert worker.says(talk_of(ann.id, group.id), "Hi").said == "hello"
    answer = until(lambda: [one for one in group.messages.values() if one.get("text") == "Hi"])
    assert answer[0]["reply_to_message"]["message_id"] == message["message_id"]


def test_in_a_group_a_reply_to_the_bot_is_for_the_bot(adapter, ann, bob, group, worker):
    ann.write("@companion_bot hello", group)
    worker.says(talk_of(ann.id, group.id), "Hi Ann")
    answer = until(lambda: [one for one in group.messages.values() if one.get("text") == "Hi Ann"])[0]

    bob.write("and me?", group, reply_to=answer)
    assert worker.takes(talk_of(bob.id, group.id)).said == "and me?"


@pytest.mark.parametrize("text", ["@Companion_Bot", "/ask@companion_bot"])
def test_whoever_names_the_bot_and_says_nothing_is_asked_what(adapter, telegram, ann, group, text):
    ann.write(text, group)
    until(lambda: telegram.texts(group) == [say("en", "cannot", what="nothing")])


def test_a_mention_without_a_user_name_counts(adapter, telegram, ann, group, worker):
    mark = {"type": "text_mention", "offset": 0, "length": 9, "user": telegram.me()}
    ann.write("Companion hello", group, entities=[mark])
    assert worker.takes(talk_of(ann.id, group.id)).said == "hello"


def test_people_in_a_group_have_memories_of_their_own(adapter, ann, bob, group, worker):
    ann.write("@companion_bot I am Ann", group)
    bob.write("@companion_bot I am Bob", group)

    assert worker.says(talk_of(ann.id, group.id), "Hi Ann").said == "I am Ann"
    assert worker.says(talk_of(bob.id, group.id), "Hi Bob").said == "I am Bob"


def test_what_is_not_for_the_bot_is_neither_kept_nor_answered(adapter, telegram, ann, bob, group, worker):
    bot = {"id": 99, "is_bot": True, "first_name": "Other", "username": "other_bot"}
    ann.write("just talking", group)
    ann.write("@companion_bots hello", group)
    ann.write("/start@other_bot", group)
    ann.write("/weather", group)
    telegram.say(bot, "@companion_bot hello", group)
    telegram.say(ann, "hello", ann.chat, via_bot=bot)
    ann.write("@companion_bot hello", group, is_automatic_forward=True)
    ann.write("", group, new_chat_title="Friends of friends")
    ann.write("@companion_bot hello", group, edit_date=1, age=0, via_bot=bot)
    settle(telegram, ann, worker)

    until(lambda: ann.sees() == ["here"])
    assert telegram.texts(group) == []
    assert waiting(adapter, talk_of(ann.id, group.id)) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_hides_their_name_in_a_group_is_told_why_there_is_no_answer(start, telegram, ann, group, worker, language):
    start(language=language)
    hidden = {"id": ANONYMOUS_ID, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    for _ in range(2):
        telegram.say(hidden, "@companion_bot hello", group, sender_chat=group.as_json())

    until(lambda: telegram.texts(group))
    settle(telegram, ann, worker)
    assert telegram.texts(group) == [say(language, "telegram-anonymous")], "once is enough"


def test_for_an_edited_last_message_another_answer_is_offered(adapter, telegram, ann, worker):
    message = ann.write("helo")
    worker.says(talk_of(ann.id), "What?")
    until(ann.buttons)

    ann.edit(message, "hell")
    until(lambda: ann.sees() == ["What?", say("en", "edit-offer")])
    ann.edit(message, "hello")
    until(lambda: telegram.acknowledged >= 7002)
    assert waiting(adapter, talk_of(ann.id)) == []
    ann.press(say("en", "button-anew"))
    reply = worker.takes(talk_of(ann.id))
    assert (reply.said, reply.lease.lines[0].kind) == ("hello", "edit"), "its newest words"
    reply.ends("Hi!")
    until(lambda: ann.sees() == ["What?", "Hi!"])


def test_an_edited_message_that_still_waits_is_answered_in_its_new_words(adapter, ann, worker):
    message = ann.write("helo")
    until(lambda: waiting(adapter, talk_of(ann.id)))
    ann.edit(message, "hello")
    until(lambda: waiting(adapter, talk_of(ann.id)) == ["hello"])
    worker.says(talk_of(ann.id), "Hi!")
    until(lambda: ann.sees() == ["Hi!"])


def test_an_edited_command_is_not_done_again_and_not_talked_about(adapter, telegram, ann, worker):
    message = ann.write("/help")
    until(ann.sees)
    ann.edit(message, "/new")
    assert settle(telegram, ann, worker) == "are you there?"


def test_a_forward_is_the_words_of_another_and_commands_nothing(adapter, ann, bob, worker):
    origin = {"type": "user", "sender_user": bob.as_json(), "date": 1}
    ann.write("/forget yes\nplease", forward_origin=origin)
    assert worker.takes(talk_of(ann.id)).said == "[forwarded, written by Bob]\n> /forget yes\n> please"


def test_what_is_quoted_stands_before_what_is_said_of_it(adapter, telegram, ann, bob, group, worker):
    said = bob.write("The earth is flat.", group)
    ann.write("@companion_bot is that so?", group, reply_to=said)
    assert worker.takes(talk_of(ann.id, group.id)).said == "[quoted, written by Bob]\n> The earth is flat.\nis that so?"


def test_a_part_of_the_bots_own_words_can_be_quoted(adapter, telegram, ann, worker):
    ann.write("hello")
    worker.says(talk_of(ann.id), "Once upon a time there was a cat.")
    mine = until(lambda: [one for one in ann.chat.messages.values() if one["from"]["is_bot"]])[0]

    ann.write("which?", reply_to=mine, quote={"text": "a cat", "position": 27, "is_manual": True})
    assert worker.says(talk_of(ann.id), "Miso.").said == "[quoted, written by you]\n> a cat\nwhich?"
    ann.write("and then?", reply_to=mine)
    assert worker.takes(talk_of(ann.id)).said == "and then?"


PHOTO = [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]
STICKER = {
    "file_id": "s",
    "file_unique_id": "s",
    "type": "regular",
    "width": 1,
    "height": 1,
    "is_animated": False,
    "is_video": False,
}
VOICE = {"file_id": "v", "file_unique_id": "v", "duration": 3}
PLACE = {"latitude": 1.0, "longitude": 2.0}


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"photo": PHOTO}, "picture"),
        ({"sticker": STICKER}, "sticker"),
        ({"voice": VOICE}, "voice"),
        ({"location": PLACE}, "other"),
    ],
)
def test_what_cannot_be_read_is_answered_with_a_friendly_line(adapter, ann, bob, field, kind):
    ann.write(**field)
    bob.write(**field)
    until(lambda: ann.sees() == [say("en", "cannot", what=kind)])
    until(lambda: bob.sees() == [say("zh", "cannot", what=kind)])


def test_a_caption_is_answered_and_that_the_picture_was_not_seen_is_said(adapter, ann, bob, worker):
    for person, language in ((ann, "en"), (bob, "zh")):
        person.write(photo=PHOTO, caption="my cat")
        assert worker.says(talk_of(person.id), "A cat!").said == "my cat"
        expected = sorted([say(language, "words-alone", what="picture"), "A cat!"])
        until(lambda person=person, expected=expected: sorted(person.sees()) == expected)


def test_an_album_is_one_turn_and_one_friendly_line(adapter, ann, telegram, worker):
    for number in range(4):
        ann.write(photo=PHOTO, media_group_id="77", **({"caption": "my cats"} if not number else {}))
    until(lambda: telegram.acknowledged >= 7003)
    assert worker.says(talk_of(ann.id), "Cats!").said == "my cats"
    until(lambda: sorted(ann.sees()) == sorted([say("en", "words-alone", what="picture"), "Cats!"]))


def test_that_an_album_cannot_be_seen_is_told_though_redis_was_away_at_first(start, monkeypatch, ann, telegram):
    left, mark_seen = [1, 1], Inbox.mark_seen

    def perhaps(self, incoming):
        if left:
            left.pop()
            raise RedisConnectionError("away")
        return mark_seen(self, incoming)

    monkeypatch.setattr(Inbox, "mark_seen", perhaps)
    start()
    for _ in range(3):
        ann.write(photo=PHOTO, media_group_id="77")
    until(lambda: telegram.acknowledged >= 7002)
    until(lambda: ann.sees() == [say("en", "cannot", what="picture")])


def test_several_lines_in_a_row_become_one_turn(adapter, ann, telegram, worker):
    for text in ("one", "two", "three"):
        ann.write(text)
    until(lambda: telegram.acknowledged >= 7002)
    assert worker.takes(talk_of(ann.id)).said == "one\ntwo\nthree"


def test_a_group_that_becomes_a_supergroup_keeps_its_memory(adapter, telegram, ann, worker):
    group = telegram.group(-77, ann, type="group")
    ann.write("@companion_bot my cat is called Miso", group)
    reply = worker.takes(talk_of(ann.id, -77))

    new = telegram.migrate(group, -10077, ann)
    reply.ends("Noted.")
    until(lambda: telegram.texts(new) == ["Noted."])
    ann.write("@companion_bot what is it called?", new)
    worker.says(talk_of(ann.id, -77), "Miso.")
    until(lambda: telegram.texts(new) == ["Noted.", "Miso."])
    assert [turn.reply for turn in worker.memory.recent(talk_of(ann.id, -77))] == ["Noted.", "Miso."]


def test_a_migration_that_only_the_refusal_tells_of_is_followed_too(adapter, telegram, ann, worker):
    group = telegram.group(-77, ann, type="group")
    ann.write("@companion_bot hello", group)
    reply = worker.takes(talk_of(ann.id, -77))
    new = telegram.group(-10077, ann)
    group.moved_to = -10077

    reply.ends("Hi.")
    until(lambda: telegram.texts(new) == ["Hi."])


def test_a_person_who_blocks_the_bot_gets_nothing_and_keeps_everything(adapter, telegram, ann, bob, worker):
    ann.write("hello")
    worker.says(talk_of(ann.id), "Hi")
    until(lambda: ann.sees() == ["Hi"])
    ann.write("more")
    until(lambda: waiting(adapter, talk_of(ann.id)))
    ann.block()
    until(lambda: not waiting(adapter, talk_of(ann.id)))

    ann.unblock()
    ann.write("again")
    worker.says(talk_of(ann.id), "Welcome back")
    until(lambda: ann.sees()[-1] == "Welcome back")
    assert [turn.reply for turn in worker.memory.recent(talk_of(ann.id))] == ["Hi", "Welcome back"]


def test_when_the_bot_is_put_out_of_a_group_nobodys_reply_there_goes_on(adapter, telegram, ann, bob, group, worker):
    ann.write("@companion_bot hello", group)
    bob.write("@companion_bot hello", group)
    ann.write("in private")
    reply = worker.takes(talk_of(bob.id, group.id))
    until(lambda: waiting(adapter, talk_of(ann.id, group.id)) and waiting(adapter, talk_of(ann.id)))

    telegram.membership(ann, group, "member", "kicked")
    until(lambda: worker.leases.renew(reply.lease) == "stop")
    until(lambda: not waiting(adapter, talk_of(ann.id, group.id)))
    assert waiting(adapter, talk_of(ann.id)) == ["in private"]


def test_a_reply_to_somebody_who_is_gone_holds_up_nobody(adapter, telegram, ann, bob, worker):
    ann.write("hello")
    reply = worker.takes(talk_of(ann.id))
    ann.chat.gone = "Forbidden: user is deactivated"
    reply.ends("Hi")

    bob.write("hello")
    worker.says(talk_of(bob.id), "Hi Bob")
    until(lambda: bob.sees() == ["Hi Bob"])


def test_who_takes_the_bot_into_a_group_is_told_how_it_is_spoken_to(adapter, telegram, ann, group):
    telegram.membership(ann, group, "left", "member")
    until(lambda: telegram.texts(group) == [say("en", "telegram-hello-group", name="@Companion_Bot")])


def test_what_came_too_long_ago_is_not_answered(start, telegram, ann, worker):
    ann.write("yesterday", age=25 * 3600)
    ann.write("last night", age=10 * 3600)
    ann.write("just now")
    start()
    until(lambda: telegram.acknowledged >= 7002)
    assert worker.takes(talk_of(ann.id)).said == "last night\njust now"


def test_telegrams_own_stop_ends_the_reply(adapter, telegram, ann, worker, leases):
    ann.write("hello")
    reply = worker.takes(talk_of(ann.id))
    until(lambda: (reply.shows(), ann.draft() is not None)[1])
    ann.stop_draft()
    until(lambda: worker.leases.renew(reply.lease) == "stop")


def test_the_fake_marks_what_apps_mark():
    assert entities_of("/ask@x hi @some_bot") == [
        {"type": "bot_command", "offset": 0, "length": 6},
        {"type": "mention", "offset": 10, "length": 9},
    ]
