"""How a reply grows in a chat, how it ends there, and what becomes of it when Telegram is in the way."""

import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.adapters.telegram import client, surface
from bot.core.outbox import Outbox
from bot.i18n import say
from tests.bot.adapters.telegram.conftest import talk_of, until
from tests.fakes.telegram import Refused

LONG = "A tale of a cat. " * 5


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(surface, "_EDIT_SECONDS", 0.05)
    monkeypatch.setattr(surface.TelegramSurface, "draft_seconds", 0.05)
    monkeypatch.setattr("bot.adapters.telegram.governor.PRIVATE_GAP", 0.05)
    monkeypatch.setattr(client, "_AGAIN_SECONDS", 0.05)


@pytest.fixture
def group(telegram, ann):
    return telegram.group(-100500, ann)


def begun(worker, person, text="hello", chat=None):
    person.write(f"@companion_bot {text}" if chat else text, chat)
    return worker.takes(talk_of(person.id, chat and chat.id))


def test_a_thought_is_a_draft_and_the_answer_a_message_that_grows(start, telegram, ann, worker):
    start()
    reply = begun(worker, ann)
    until(lambda: (reply.shows(), ann.draft() == "")[1])
    reply.streams("Once upon a time", ann.sees)
    reply.streams("Once upon a time there was", lambda: ann.sees() == ["Once upon a time there was"])
    assert ann.draft() is None
    assert ann.buttons() == [["⏹"]]

    reply.ends("Once upon a time there was a cat.")
    until(lambda: ann.sees() == ["Once upon a time there was a cat."])
    assert telegram.calls["sendMessage"] == 1
    assert telegram.calls["sendChatAction"] == 0
    assert ann.buttons() == [["↻", "…"]]


def test_in_a_group_it_types_and_then_edits_and_never_drafts(start, telegram, ann, group, worker):
    start()
    reply = begun(worker, ann, chat=group)
    until(lambda: (reply.shows(), telegram.calls["sendChatAction"])[1])
    reply.streams(LONG, lambda: telegram.texts(group))
    [grown] = [one for one in group.messages.values() if one["from"]["is_bot"]]
    assert grown["reply_to_message"]["text"] == "@companion_bot hello", "whose answer it is can be seen from its first words on"
    reply.ends(LONG)
    until(lambda: ann.buttons(group) == [["↻", "…"]])
    assert telegram.calls["sendMessageDraft"] == 0


def test_drafts_alone_when_that_is_set(start, telegram, ann, worker):
    start(telegram_streaming="draft")
    reply = begun(worker, ann)
    reply.streams("**Once** upon", lambda: ann.draft() == "Once upon")
    assert ann.sees() == []
    reply.ends("**Once** upon a time")
    until(lambda: ann.sees() == ["Once upon a time"])
    assert telegram.calls["editMessageText"] == 0


def test_whole_replies_alone_when_that_is_set(start, telegram, ann, worker):
    start(telegram_streaming="off")
    reply = begun(worker, ann)
    until(lambda: (reply.shows(LONG), telegram.calls["sendChatAction"])[1])
    reply.ends(LONG)
    until(ann.sees)
    assert not telegram.calls["editMessageText"] + telegram.calls["sendMessageDraft"]


def test_a_server_without_drafts_sees_typing_and_the_reply(start, telegram, ann, worker):
    telegram.fail("sendMessageDraft", Refused(404, "Not Found: method not found"))
    start()
    reply = begun(worker, ann)
    until(lambda: (reply.shows(), telegram.calls["sendChatAction"])[1])
    reply.ends(LONG)
    until(ann.sees)


def test_a_draft_that_is_refused_costs_no_other_draft(start, telegram, ann, bob, worker):
    telegram.fail("sendMessageDraft", Refused(400, "Bad Request: we do not like it"))
    start()
    reply = begun(worker, ann)
    until(lambda: (reply.shows(), telegram.calls["sendChatAction"])[1])
    other = begun(worker, bob)
    until(lambda: (other.shows(), bob.draft() == "")[1])


def test_a_draft_is_kept_alive_while_the_thought_goes_on(start, telegram, ann, worker, monkeypatch):
    monkeypatch.setattr(surface, "_DRAFT_ALIVE_SECONDS", 0.1)
    start()
    reply = begun(worker, ann)
    reply.shows()
    until(lambda: telegram.calls["sendMessageDraft"] >= 4)
    reply.ends(LONG)
    until(ann.sees)
    drafts = telegram.calls["sendMessageDraft"]
    until(lambda: ann.draft() is None)
    assert telegram.calls["sendMessageDraft"] <= drafts + 1


def test_a_thought_that_is_to_be_shown_is_a_folded_quote(start, telegram, ann, worker):
    start()
    worker_reply = begun(worker, ann)
    worker_reply.ends("**Yes.**", thought="I wonder\nand wonder")
    until(lambda: ann.sees() == ["I wonder\nand wonder\n\nYes."])
    assert telegram.entities(ann.chat) == [("expandable_blockquote", "I wonder\nand wonder"), ("bold", "Yes.")]


def test_link_previews_are_off(start, telegram, ann, worker):
    start()
    begun(worker, ann).ends("http://example.org")
    until(ann.sees)
    assert telegram.asked("sendMessage")[0]["link_preview_options"] == {"is_disabled": True}


def test_a_long_answer_with_code_is_several_messages_in_order_and_nothing_of_it_is_lost(start, telegram, ann, worker):
    code = "\n".join(f"    print({number}) # 你好" for number in range(900))
    text = f"{'Words and more words. ' * 300}\n\n```python\n{code}\n```\n\n{'更多的话。' * 500}"
    start()
    begun(worker, ann).ends(text)
    until(lambda: ann.buttons() == [["↻", "…"]], 60)
    shown = "".join("".join(part.split()) for part in ann.sees())
    assert shown == "".join(text.replace("```python", "").replace("```", "").split())
    assert len(ann.sees()) >= 6
    coded = [one for one in ann.chat.messages.values() if "print" in one.get("text", "")]
    assert all(any(e["type"] == "pre" and e["language"] == "python" for e in one["entities"]) for one in coded)


def test_a_long_answer_grows_over_several_messages(start, telegram, ann, worker):
    start()
    reply = begun(worker, ann)
    text = "Words and more words. " * 300
    reply.streams(text, lambda: len(ann.sees()) == 2)
    reply.ends(text + "The end.")
    until(lambda: ann.sees() and ann.sees()[-1].endswith("The end.") and ann.buttons() == [["↻", "…"]])
    assert len(ann.sees()) == 2


def test_a_reply_that_got_shorter_leaves_nothing_over(start, ann, worker):
    start()
    reply = begun(worker, ann)
    reply.streams("Words and more words. " * 300, lambda: len(ann.sees()) == 2)
    reply.ends("Short.")
    until(lambda: ann.sees() == ["Short."])


def test_what_is_refused_for_its_form_is_sent_as_plain_text(start, telegram, ann, worker):
    telegram.fail("sendMessage", Refused(400, "Bad Request: can't parse entities: somehow"))
    start()
    begun(worker, ann).ends("**Hello**")
    until(lambda: ann.sees() == ["Hello"])
    assert telegram.entities(ann.chat) == []


def test_what_is_refused_for_good_ends_and_holds_up_nothing(start, telegram, ann, worker):
    telegram.fail("sendMessage", Refused(400, "Bad Request: we do not like it"))
    start()
    begun(worker, ann).ends("first")
    begun(worker, ann, "again").ends("second")
    until(lambda: ann.sees() == ["second"])


@pytest.mark.parametrize("text", ["```", "```\n\n```", "#", "> ", "![](https://example.org/a.png)"])
def test_an_answer_of_which_markdown_shows_nothing_is_shown_as_it_was_written(start, ann, worker, text):
    start()
    begun(worker, ann).ends(text)
    until(lambda: ann.sees() == [text.strip()])


def test_a_message_that_somebody_deleted_meanwhile_is_sent_again(start, ann, worker):
    start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    mine = next(id for id, one in ann.chat.messages.items() if one["from"]["is_bot"])
    del ann.chat.messages[mine]
    reply.ends("The end of the tale.")
    until(lambda: ann.sees() == ["The end of the tale."])


def test_an_edit_that_changes_nothing_is_as_good_as_one(start, telegram, ann, worker):
    start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    telegram.fail("editMessageText", Refused(400, "Bad Request: message is not modified"))
    reply.ends("Something else.")
    until(lambda: worker.memory.sent(talk_of(ann.id)))


@pytest.mark.parametrize("fault", ["cut", 500, Refused(429, "Too Many Requests: retry after 1", retry_after=1)])
def test_the_last_edit_is_made_however_often_it_takes(start, telegram, ann, worker, fault):
    start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    telegram.fail("editMessageText", fault, times=2)
    reply.ends("The end of the tale.")
    until(lambda: ann.sees() == ["The end of the tale."])


def test_a_sending_that_may_have_arrived_is_marked_when_it_is_sent_again(start, telegram, ann, worker):
    telegram.fail("sendMessage", "cut after")
    start()
    begun(worker, ann).ends("Hello")
    note = say("en", "note-repeat")
    until(lambda: ann.sees() == ["Hello", f"Hello\n\n{note}"])


def test_a_first_part_that_may_have_arrived_is_not_sent_again_and_again(start, telegram, ann, worker):
    telegram.fail("sendMessage", "cut after")
    start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    for _ in range(5):
        reply.streams(f"{LONG} and more", lambda: True)
        time.sleep(0.1)
    reply.ends("The end of the tale.")
    until(lambda: ann.sees()[1:] == ["The end of the tale."])
    assert telegram.calls["sendMessage"] == 2


@pytest.mark.parametrize(("fault", "seen"), [("cut after", 3), (500, 2)])
def test_an_answer_to_a_command_that_may_not_have_arrived_is_said_again_behind_a_remark(start, telegram, ann, fault, seen):
    telegram.fail("sendMessage", fault)
    start()
    ann.write("/memory")
    until(lambda: len(ann.sees()) == seen)
    assert ann.sees()[-2:] == [say("en", "note-repeat"), say("en", "memory-empty")]


def test_a_flood_wait_of_one_chat_holds_up_no_other_and_its_answer_comes_after_it(start, telegram, ann, bob, worker):
    telegram.fail("sendMessage", Refused(429, "Too Many Requests: retry after 6", retry_after=6))
    start()
    begun(worker, ann).ends("Hi Ann")
    until(lambda: telegram.faults == [])
    begun(worker, bob).ends("Hi Bob")
    until(lambda: bob.sees() == ["Hi Bob"])
    assert ann.sees() == []
    until(lambda: ann.sees() == ["Hi Ann"])


def test_a_wait_is_told_in_one_place_and_goes_when_the_reply_comes(start, telegram, ann, worker):
    start()
    ann.write("hello")
    until(lambda: ann.sees() == [say("en", "waiting-nobody")])
    worker.says(talk_of(ann.id), "Hi")
    until(lambda: ann.sees() == ["Hi"])


def test_a_wait_that_could_not_be_told_is_told_later_and_once(start, monkeypatch, telegram, ann, worker):
    """Nothing of it changes while nobody is there: what was not told once would never be."""
    monkeypatch.setattr("bot.waiting._AGAIN_SECONDS", 2.0)
    telegram.fail("sendMessage", Refused(429, "Too Many Requests: retry after 1", retry_after=1))
    start()
    ann.write("hello")
    until(lambda: ann.sees() == [say("en", "waiting-nobody")])
    time.sleep(5)
    assert (telegram.calls["sendMessage"], telegram.calls["editMessageText"]) == (1, 0)
    worker.says(talk_of(ann.id), "Hi")
    until(lambda: ann.sees() == ["Hi"])


def test_a_final_that_was_delivered_before_a_crash_is_not_shown_twice(start, telegram, ann, worker, monkeypatch):
    """The process dies after Telegram has taken the message and before the outbox knows."""
    end = Outbox.end
    asked = []

    def out_of_reach(*_):
        asked.append(1)
        raise RedisConnectionError("away")

    monkeypatch.setattr(Outbox, "end", out_of_reach)
    first = start()
    begun(worker, ann).ends("Hello there")
    until(lambda: asked)
    first.stop()
    monkeypatch.setattr(Outbox, "end", end)

    start()
    until(lambda: worker.memory.sent(talk_of(ann.id)))
    assert ann.sees() == ["Hello there"], "and no remark that it may be"


def test_what_a_dead_process_had_shown_is_finished_by_the_next(start, ann, worker):
    first = start()
    reply = begun(worker, ann)
    reply.streams(LONG, ann.sees)
    first.stop()
    reply.ends("The end of the tale.")
    start()
    until(lambda: ann.sees() == ["The end of the tale."])


def test_only_the_newest_answer_has_buttons(start, ann, worker):
    start()
    for number in range(3):
        begun(worker, ann, str(number)).ends(f"Answer {number}")
        until(lambda number=number: len(ann.sees()) > number and ann.buttons() == [["↻", "…"]])
