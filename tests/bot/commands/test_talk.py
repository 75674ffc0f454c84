"""The talk that is going on, begun anew, stopped, answered again, taken back and said otherwise; in both languages."""

import pytest

from bot.commands import Choice
from bot.i18n import say
from tests.sayings import incoming, talk

LANGUAGES = ["en", "zh"]
THREE = ("one", "two", "three")


@pytest.mark.parametrize("language", LANGUAGES)
def test_new_stops_the_reply_and_leans_on_nothing_that_was_said(tell, end_turn, inbox, leases, memory, language):
    end_turn()
    inbox.accept(incoming("another"))
    lease = leases.acquire(talk())

    assert tell("/new", language).text == say(language, "new-done")

    assert leases.renew(lease) == "stop"
    assert (memory.current(talk())[1], memory.num_turns(talk())) == ([], 1)


@pytest.mark.parametrize(("language", "word"), [("en", "yes"), ("en", "YES"), ("zh", "yes"), ("zh", "是"), ("zh", "确定")])
def test_reset_asks_first_then_forgets_and_counts(tell, end_turn, memory, language, word):
    assert tell("/reset", language).text == say(language, "reset-done", turns=0), "there is nothing to lose"
    end_turn("t1")
    end_turn("t2")

    asked = tell("/reset", language)
    assert asked.text == say(language, "reset-sure", turns=2)
    assert "/reset yes" in asked.text, "where there are no buttons"
    labels = [say(language, "button-reset"), say(language, "button-keep")]
    assert asked.choices == (Choice(labels[0], "/reset yes"), Choice(labels[1], "/reset no"))
    assert memory.num_turns(talk()) == 2

    assert tell(f"/reset {word}", language).text == say(language, "reset-done", turns=2)
    assert memory.recent(talk()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_reset_without_the_word_erases_nothing(tell, end_turn, memory, language):
    end_turn()

    for argument in ("no", "maybe"):
        assert tell(f"/reset {argument}", language).text == say(language, "kept")
    assert memory.num_turns(talk()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_says_what_there_was_to_stop(tell, inbox, leases, language):
    assert tell("/stop", language).text == say(language, "stop-idle")
    inbox.accept(incoming())
    assert tell("/stop", language).text == say(language, "stop-dropped")
    inbox.accept(incoming())
    leases.acquire(talk())
    assert tell("/stop", language).text == say(language, "stop-stopping")


@pytest.mark.parametrize("language", LANGUAGES)
def test_retry_wakes_a_worker_when_there_is_something_to_answer_again(tell, end_turn, memory, language):
    for text in ("/retry", "/retry list", "/retry 1"):
        assert tell(text, language).text == say(language, "retry-none")
    end_turn()

    answer = tell("/retry", language)
    assert (answer.text, answer.wakes) == ("", True)

    memory.start_new(talk())
    assert tell("/retry", language).text == say(language, "retry-none"), "what was before is over"


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_answer_alone_is_no_choice(tell, end_turn, language):
    end_turn()

    for text in ("/retry list", "/retry 1"):
        assert tell(text, language).text == say(language, "retry-alone")


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_answers_are_listed_and_the_one_that_counts_is_marked(tell, end_turn, language):
    end_turn(variants=THREE)

    answer = tell("/retry list", language)

    assert answer.text.splitlines() == [say(language, "retry-list", variants=3), "1. one", "2. two", "✓ 3. three"]
    assert answer.choices == tuple(Choice(str(number), f"/retry {number}") for number in (1, 2, 3))
    assert not answer.wakes


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("number", "beside"), [(1, [("▶", 2)]), (2, [("◀", 1), ("▶", 3)]), (3, [("◀", 2)])], ids=["first", "middle", "last"]
)
def test_an_answer_that_is_picked_is_shown_and_counts(tell, end_turn, memory, language, number, beside):
    end_turn("before")
    end_turn("t2", variants=THREE)

    answer = tell(f"/retry {number}", language)

    assert answer.text == f"{say(language, 'retry-picked', variant=number, variants=3)}\n{THREE[number - 1]}"
    assert answer.choices == tuple(Choice(label, f"/retry {other}") for label, other in beside)
    assert not answer.wakes
    assert [turn.reply for turn in memory.recent(talk())] == ["hi", THREE[number - 1]]
    assert memory.last(talk()).variants == THREE, "the others are kept"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("argument", ["0", "4", "-1", "two", "²", "9" * 5000])
def test_an_answer_that_there_is_not_cannot_be_picked(tell, end_turn, memory, language, argument):
    end_turn(variants=THREE)

    assert tell(f"/retry {argument}", language).text == say(language, "retry-unknown", variants=3)
    assert memory.last(talk()).reply == "three"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", ["/retry 1", "/undo"])
def test_the_last_turn_is_left_alone_while_a_reply_is_wanted(tell, end_turn, inbox, leases, memory, language, command):
    end_turn(variants=THREE)
    inbox.accept(incoming("", kind="retry"))
    assert tell(command, language).text == say(language, "busy-now")
    leases.acquire(talk())
    assert tell(command, language).text == say(language, "busy-now")

    assert memory.last(talk()).reply == "three"


@pytest.mark.parametrize("language", LANGUAGES)
def test_undo_takes_back_the_last_turn_and_says_which(tell, end_turn, memory, language):
    assert tell("/undo", language).text == say(language, "undo-none")
    end_turn("t1", "the first")
    end_turn("t2", "the second,\nwhich is rather longer than fits into a short answer")

    short = "the second, which is rather longer than…"
    assert tell("/undo", language).text == say(language, "undo-done", said=short)
    assert [turn.said for turn in memory.recent(talk())] == ["the first"]
    assert tell("/undo", language).text == say(language, "undo-done", said="the first")
    assert tell("/undo", language).text == say(language, "undo-none")


def test_undo_does_not_reach_behind_a_new_beginning(tell, end_turn, memory):
    end_turn()
    tell("/new")

    assert tell("/undo").text == say("en", "undo-none")
    assert memory.num_turns(talk()) == 1


def test_undo_while_the_first_reply_of_all_is_being_written_is_refused(tell, inbox, leases):
    inbox.accept(incoming())
    leases.acquire(talk())

    assert tell("/undo").text == say("en", "busy-now")


@pytest.mark.parametrize("language", LANGUAGES)
def test_edit_at_the_terminal_says_how_when_it_cannot(front, language):
    from bot import commands
    from bot.commands import parse
    from bot.core.messages import Conversation

    here = Conversation("console", "local", "ann", "0", "ann")
    for text, key in (("/edit", "edit-usage"), ("/edit other words", "edit-none")):
        assert commands.run(front, parse(incoming(text, here), language)).text == say(language, key)


def test_commands_of_one_person_in_a_group_touch_nobody_else(tell, end_turn, memory, people):
    ann, bob = talk("1", chat="-9"), talk("2", chat="-9")
    end_turn(conversation=ann)
    end_turn(conversation=bob)

    tell("/undo", conversation=ann)
    tell("/persona tycho", conversation=ann)
    tell("/language zh", conversation=ann)

    assert (memory.num_turns(ann), memory.num_turns(bob)) == (0, 1)
    assert (people.preferences(bob).persona, people.preferences(bob).language) == (None, None)
