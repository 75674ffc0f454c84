"""A message that was edited: while it waits, while it is answered, once it was answered, and when it is too late."""

from dataclasses import replace

import pytest

from bot.commands import Answer, edited, parse, run
from bot.commands.talk import last_message
from bot.core.edits import kept_edit
from bot.core.messages import Conversation, Incoming, Line
from bot.i18n import say
from tests.sayings import incoming, talk


def edit(message_id, text="other words", update_id="edit 1", conversation=None):
    return Incoming(conversation or talk(), Line(text, update_id, message_id, "Ann", 3.0, "edit"))


def waiting(inbox):
    return [line.text for line in inbox.waiting(talk())]


def test_a_line_that_waits_gets_its_new_words_in_its_place(front, inbox):
    updates = [incoming(text) for text in ("first", "secnod", "third")]
    for update in updates:
        inbox.accept(update)

    answer = edited(front, edit(updates[1].line.message_id, "second"), "en")

    assert (answer.text, answer.wakes) == ("", True)
    assert waiting(inbox) == ["first", "second", "third"]
    assert inbox.waiting(talk())[1].kind == "say"


def test_a_line_that_is_being_answered_is_answered_anew_afterwards(front, inbox, leases):
    update = incoming("secnod")
    inbox.accept(update)
    leases.acquire(talk())

    assert edited(front, edit(update.line.message_id, "second"), "en") is None, "the inbox is to have it"
    assert waiting(inbox) == ["secnod"]


def test_a_line_that_is_edited_twice_while_it_is_answered_ends_with_its_last_words(front, inbox, leases):
    inbox.accept(update := incoming("first"))
    leases.acquire(talk())
    for number, text in enumerate(("second", "first")):
        change = edit(update.line.message_id, text, update_id=f"edit {number}")
        assert edited(front, change, "en") is None
        inbox.accept(change)

    assert waiting(inbox) == ["first", "second", "first"]


def test_the_message_of_the_last_turn_is_answered_anew(front, end_turn):
    line = end_turn()

    assert edited(front, edit(line.message_id), "en") is None


def tentative(*args, **more):
    return replace(edit(*args, **more), tentative=True)


def test_where_it_may_be_a_slip_mended_the_answer_is_offered_once_and_has_the_newest_words(front, inbox, end_turn):
    line = end_turn()
    offer = edited(front, tentative(line.message_id, "helo again"), "en")
    assert (offer.text, offer.reply_follows) == (say("en", "edit-offer"), False)
    assert edited(front, tentative(line.message_id, "hello again", update_id="edit 2"), "en") == Answer("")
    assert waiting(inbox) == []

    asked = parse(incoming(offer.choices[0].command), "en")
    answer = run(front, asked)
    assert (answer.wakes, answer.line.kind, answer.line.text) == (True, "edit", "hello again")
    assert answer.line.message_id == line.message_id
    assert run(front, asked).text == say("en", "edit-old"), "there is one answer to it"
    assert run(front, parse(incoming(offer.choices[0].command), "zh")).text == say("zh", "edit-old")


@pytest.mark.parametrize(
    "erase",
    [
        lambda front: front.memory.undo(talk()),
        lambda front: front.memory.forget(talk()),
        lambda front: front.people.forget(talk()),
    ],
)
def test_an_edit_that_was_offered_is_forgotten_with_the_rest(front, end_turn, erase):
    line = end_turn()
    edited(front, tentative(line.message_id), "en")
    erase(front)
    assert kept_edit(front.store, front.vault, talk()) is None
    assert not front.store.redis.keys("*edited*")


@pytest.mark.parametrize("place", ["waiting", "answered"])
def test_an_edit_that_changes_no_word_changes_nothing(front, inbox, end_turn, place):
    if place == "waiting":
        inbox.accept(update := incoming("hello"))
        message_id = update.line.message_id
    else:
        message_id = end_turn(said="hello").message_id

    answer = edited(front, edit(message_id, "hello"), "en")

    assert (answer.text, answer.wakes) == ("", False)


@pytest.mark.parametrize("why", ["older", "before new", "another waits", "unknown", "undone"])
def test_what_can_no_longer_be_changed_is_let_be_without_a_word(front, end_turn, inbox, memory, why):
    line = end_turn("t1")
    match why:
        case "older":
            end_turn("t2")
        case "before new":
            memory.start_new(talk())
        case "another waits":
            inbox.accept(incoming("another"))
        case "undone":
            memory.undo(talk())
    before = memory.recent(talk()), waiting(inbox)

    answer = edited(front, edit("999" if why == "unknown" else line.message_id), "en")

    assert (answer.text, answer.wakes) == ("", False)
    assert (memory.recent(talk()), waiting(inbox)) == before


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("place", ["waiting", "answered", "gone"])
def test_at_the_terminal_where_an_edit_is_a_command_it_is_answered_in_words(front, inbox, end_turn, language, place):
    here = Conversation("console", "local", "ann", "0", "ann")
    message_id = "gone"
    if place == "waiting":
        inbox.accept(update := incoming("the same", here))
        message_id = update.line.message_id
    if place == "answered":
        message_id = end_turn(said="the same", conversation=here).message_id

    answer = edited(front, edit(message_id, "the same", conversation=here), language)

    assert (answer.text, answer.wakes) == (say(language, "edit-unchanged"), False)


def test_the_same_edit_delivered_twice_is_done_once(front, inbox):
    inbox.accept(update := incoming("first"))
    edited(front, edit(update.line.message_id, "second"), "en")
    edited(front, edit(update.line.message_id, "third", update_id="edit 2"), "en")

    answer = edited(front, edit(update.line.message_id, "second"), "en")

    assert (answer.text, answer.wakes) == ("", False)
    assert waiting(inbox) == ["third"]


def test_nobody_can_edit_what_another_said(front, inbox, end_turn, memory):
    ann, bob = talk("1", chat="-9"), talk("2", chat="-9")
    line = end_turn(said="mine", conversation=ann)
    inbox.accept(update := incoming("mine too", ann))

    for message_id in (line.message_id, update.line.message_id):
        assert edited(front, edit(message_id, conversation=bob), "en").text == ""
    assert (memory.last(ann).said, [line.text for line in inbox.waiting(ann)]) == ("mine", ["mine too"])


def test_the_message_that_can_be_edited_is_the_newest(front, inbox, end_turn):
    assert last_message(front, talk()) is None
    line = end_turn()
    assert last_message(front, talk()) == line
    inbox.accept(update := incoming("another"))
    inbox.accept(incoming("", kind="retry"))
    assert last_message(front, talk()) == update.line
