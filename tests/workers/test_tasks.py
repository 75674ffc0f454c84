"""One wake-up, from the lease to the end of the turn: real Redis, real engine process."""

import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from kombu.exceptions import OperationalError

from bot.core import metrics
from bot.core.messages import Failed, Finished, Incoming, Line
from bot.core.store import CONTROL, Keys
from tests.sayings import SURFACE, incoming, talk
from tests.workers.engines.echo_prompts import whole_answer
from workers.engines.base import EngineOptions
from workers.engines.process import EngineProcess
from workers.heart import Heart
from workers.last_tries import LastTries
from workers.tasks import Answering


@pytest.fixture
def say(inbox, answering, outbox):
    """Say something, have it answered, and give the finals."""

    def say(*texts, conversation=None, kind="say"):
        for text in texts:
            inbox.accept(incoming(text, conversation, kind=kind))
        answering.reply(str(conversation or talk()))
        return finals(outbox)

    return say


def begin(answering, conversation=None):
    """A reply in the making, on a thread of its own."""
    running = threading.Thread(target=answering.reply, args=(str(conversation or talk()),))
    running.start()
    return running


def finals(outbox):
    entries = outbox.fresh(10)
    for entry in entries:
        outbox.end(entry, [])
    return [entry.event for entry in entries]


def test_a_line_is_answered_and_remembered(say, memory):
    [final] = say("hello")

    assert isinstance(final, Finished)
    assert final.answer == "You said: hello. I am listening."
    assert [(turn.said, turn.reply) for turn in memory.recent(talk())] == [("hello", final.answer)]


def test_lines_in_a_row_get_one_answer(say):
    [final] = say("so", "listen")

    assert final.answer.startswith("You said: so")
    assert "listen" in final.answer


def test_where_several_speak_the_model_reads_who_says_what_and_the_final_knows_whom_it_answers(inbox, answering, outbox):
    everybody = talk(chat="-9").shared
    for speaker, name in (("1", "Ann"), ("2", "Bob")):
        said = incoming(f"I am {speaker}", everybody)
        inbox.accept(replace(said, line=replace(said.line, speaker=speaker, author=name)))
    answering.reply(str(everybody))

    [final] = finals(outbox)
    assert final.answer == "You said: Ann: I am 1 Bob: I am 2. I am listening."
    assert final.speakers == ("1", "2")


def test_a_wake_up_for_nothing_does_nothing(answering, outbox):
    answering.reply(str(talk()))

    assert finals(outbox) == []


def test_ten_wake_ups_at_once_give_one_answer(inbox, answering, outbox, memory):
    inbox.accept(incoming("hello"))
    threads = [threading.Thread(target=answering.reply, args=(str(talk()),)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(finals(outbox)) == 1
    assert memory.num_turns(talk()) == 1


def test_lines_that_came_meanwhile_wake_again(say, inbox, answering, woken, outbox, on_draft):
    later = iter([incoming("later")])
    on_draft.append(lambda: [inbox.accept(line) for line in later])

    say("#think 5 #long 1 #slow")

    assert woken == [talk()]
    answering.reply(str(talk()))
    assert finals(outbox)[0].answer == "You said: later. I am listening."


def test_a_wake_up_that_cannot_be_sent_is_no_harm_to_the_reply_that_is_made(leases, heart, responder, engine, inbox, outbox):
    def wake(_conversation):
        raise OperationalError("the broker is away")

    for chat in ("1", "2"):  # the second is woken when the reply to the first begins
        inbox.accept(incoming("hello", talk(chat=chat)))
    inbox.accept(incoming("so", talk(chat="1")))
    Answering(leases, heart, responder, engine, wake).reply(str(talk(chat="1")))

    assert [final.answer for final in finals(outbox)] == ["You said: hello so. I am listening."]


def test_the_thought_is_hidden_unless_the_person_wants_it(say, people, drafts):
    [hidden] = say("#think 5 #long 1 #slow")
    assert hidden.thought == ""
    assert {draft.thought for draft in drafts} == {""}

    people.choose(talk(), thinking="show")
    [shown] = say("#think 5 #long 1 #slow")
    assert len(shown.thought.split()) >= 5
    assert any(draft.thought and draft.thinking for draft in drafts)


def test_without_thinking_no_thought_is_asked_for(say, people):
    people.choose(talk(), thinking="off")

    [final] = say("hello #think 5000")

    assert final.answer.startswith("You said: hello")


@pytest.mark.parametrize("script", ["#noclose", "#loop", "#eos-in-thought"])
def test_a_thought_that_does_not_end_is_closed_and_the_answer_follows(say, script):
    [final] = say(f"hello {script}")

    assert final.answer.startswith("You said: hello")
    assert final.thought == ""


def test_an_empty_answer_is_tried_once_more_and_then_admitted(say, memory):
    assert [final.reason for final in say("hello #empty")] == ["empty"]
    assert memory.num_turns(talk()) == 0


def test_the_drafts_of_the_second_try_for_an_empty_answer_are_newer_than_those_of_the_first(say, people, drafts):
    people.choose(talk(), thinking="show")
    say("hello #think 2 #empty #slow")

    assert [draft.seq for draft in drafts] == list(range(1, len(drafts) + 1))


def test_an_answer_that_loops_is_ended_at_a_whole_sentence_with_a_word(say):
    [final] = say("hello #loop-answer")

    assert final.note == "cut"
    assert final.answer.endswith(".")
    assert len(final.answer) < 400


def test_an_answer_that_is_too_long_is_cut_with_a_word(say):
    [final] = say("hello #long 500")

    assert final.note == "cut"


def test_a_message_that_cannot_fit_is_refused_with_words(say):
    assert [final.reason for final in say("word " * 2500)] == ["too_long"]


def test_retry_answers_the_last_turn_again_in_its_place(say, memory):
    say("first")
    say("second")

    [final] = say("", kind="retry")

    assert final.answer == "You said: second. I am listening."
    assert [turn.said for turn in memory.recent(talk())] == ["first", "second"]
    assert memory.recent(talk())[1].id == final.turn


def test_retry_keeps_all_answers_and_says_which_one_this_is(say, memory, people):
    [first] = say("#persona")
    assert (first.variant, first.num_variants) == (1, 1)
    assert memory.last(talk()).variants == ()

    people.choose(talk(), persona="tycho")
    [second] = say("", kind="retry")
    people.choose(talk(), persona="xiaoman")
    [third] = say("", kind="retry")

    assert [(final.variant, final.num_variants) for final in (second, third)] == [(2, 2), (3, 3)]
    last = memory.last(talk())
    assert last.variants == (first.answer, second.answer, third.answer)
    assert len(set(last.variants)) == 3
    assert (last.reply, memory.num_turns(talk())) == (third.answer, 1)


def test_a_turn_that_goes_on_has_no_variants_of_the_one_before(say, memory):
    say("first")
    say("", kind="retry")
    [final] = say("second")

    assert (final.variant, final.num_variants, memory.last(talk()).variants) == (1, 1, ())


def test_only_so_many_answers_to_the_same_lines_are_kept(say, memory, monkeypatch):
    monkeypatch.setattr("workers.anew._MAX_VARIANTS", 3)
    say("first")
    for _ in range(4):
        [final] = say("", kind="retry")

    assert len(memory.last(talk()).variants) == 3
    assert (final.variant, final.num_variants) == (3, 3)


def test_a_retry_that_fails_leaves_the_last_answer_as_it_was(say, memory):
    [first] = say("hello")
    say("#empty")

    assert memory.last(talk()).reply == first.answer
    assert memory.last(talk()).variants == ()


def edited(conversation, message_id, text):
    return Incoming(conversation, Line(text, f"edit {text}", message_id, "Ann", 3.0, "edit"))


def test_an_edited_message_is_answered_anew_with_its_other_lines(say, memory, inbox):
    say("first")
    say("so", "listne", "please")
    say("", kind="retry")
    before = memory.last(talk())

    inbox.accept(edited(talk(), before.lines[1].message_id, "listen"))
    [final] = say()

    last = memory.last(talk())
    assert [line.text for line in last.lines] == ["so", "listen", "please"]
    assert "listen" in final.answer
    assert (last.reply, last.variants, final.num_variants) == (final.answer, (), 1), "the old answers were to other words"
    assert final.reply_to == before.lines[1].message_id
    assert [turn.said for turn in memory.recent(talk())] == ["first", "so\nlisten\nplease"]


def test_an_edit_that_comes_when_the_talk_has_gone_on_is_refused(say, memory, inbox):
    say("first")
    message_id = memory.last(talk()).lines[0].message_id
    say("second")

    inbox.accept(edited(talk(), message_id, "frist"))

    assert [final.reason for final in say()] == ["edit_too_late"]
    assert [turn.said for turn in memory.recent(talk())] == ["first", "second"]


def test_an_edit_of_a_message_that_could_not_be_answered_is_answered_itself(say, memory, inbox):
    """It came while the first words were tried; none came after them."""
    say("first")
    wrong = incoming("#empty")
    inbox.accept(wrong)
    inbox.accept(edited(talk(), wrong.line.message_id, "better"))
    assert [final.reason for final in say()] == ["empty"]

    [final] = say()

    assert isinstance(final, Finished)
    assert (final.reply_to, "better" in final.answer) == (wrong.line.message_id, True)
    assert [(turn.said, turn.lines[0].kind) for turn in memory.recent(talk())] == [("first", "say"), ("better", "say")]


def test_a_line_behind_an_edit_is_a_turn_of_its_own(say, memory, inbox, answering, outbox, woken):
    say("first")
    inbox.accept(edited(talk(), memory.last(talk()).lines[0].message_id, "changed"))
    inbox.accept(incoming("later"))

    assert [final.answer for final in say()] == ["You said: changed. I am listening."]
    assert woken == [talk()]
    answering.reply(str(talk()))
    assert [final.answer for final in finals(outbox)] == ["You said: later. I am listening."]


def test_how_much_was_written_is_kept_with_the_turn(say, memory):
    say("hello #think 5")

    assert memory.last(talk()).num_reply_tokens > len("You said: hello. I am listening.")


def test_retry_with_nothing_said_before_is_admitted(say):
    assert [final.reason for final in say("", kind="retry")] == ["nothing_to_retry"]


def test_after_new_the_model_does_not_read_what_was_before(say, memory):
    say("before")
    memory.start_new(talk())

    assert say("#history")[0].answer.startswith("Before this you said 0")
    assert memory.num_turns(talk()) == 2


def test_two_people_in_one_group_are_never_mixed(say):
    ann, bob = talk("1", chat="-100"), talk("2", chat="-100")
    say("Ann's secret", conversation=ann)

    [final] = say("#history", conversation=bob)

    assert final.answer.startswith("Before this you said 0")
    assert "Ann" not in final.answer


def test_what_does_not_fit_is_left_out_oldest_first_and_counted(writer, say, memory, responder):
    for number in range(8):
        say(f"{number} " + "x" * 900)

    last = memory.recent(talk())[-1]

    assert last.num_left_out > 0
    assert last.num_prompt_tokens < 8192


def test_stop_ends_the_reply_at_once_and_keeps_what_was_said(
    store, leases, responder, engine, woken, inbox, outbox, memory, drafts
):
    inbox.accept(incoming("hello #long 200 #slow"))
    unhurried = Heart(store, leases, lease_seconds=600, reply_seconds=600)  # its next beat would be too late to notice
    running = begin(Answering(leases, unhurried, responder, engine, woken.append))
    _wait(lambda: store.redis.pubsub_numsub(CONTROL)[0][1] == 1)
    _wait(lambda: drafts and "word1 " in drafts[-1].answer)

    assert inbox.stop(talk()) == "stopping"
    running.join(30)

    assert not running.is_alive()
    unhurried.close()
    [final] = finals(outbox)
    assert final.note == "stopped"
    whole = whole_answer("hello #long 200")
    assert whole.startswith(final.answer)
    assert len("word1") <= len(final.answer) < len(whole)
    assert memory.recent(talk())[0].reply == final.answer


def test_stop_before_the_first_word_says_only_that(inbox, answering, outbox, memory, drafts, people):
    inbox.accept(incoming("hello #think 200 #slow"))
    running = begin(answering)
    _wait(lambda: drafts)
    inbox.stop(talk())
    running.join(30)

    assert not running.is_alive()
    assert [final.reason for final in finals(outbox)] == ["stopped"]
    assert memory.num_turns(talk()) == 0
    usage = people.usage(talk())
    assert usage.tokens_today == usage.tokens > 0, "or who stops each thought has no limit"
    assert usage.turns == 0, "there was no answer"


def test_forget_during_a_reply_is_not_undone_by_it(inbox, answering, outbox, memory, drafts):
    inbox.accept(incoming("hello #long 100 #slow"))
    running = begin(answering)
    _wait(lambda: drafts)
    memory.forget(talk())
    running.join(30)

    assert not running.is_alive()
    assert memory.num_turns(talk()) == 0
    assert finals(outbox) == [None], "the person hears that it was forgotten, and nothing else"


def test_a_worker_that_shuts_down_hands_its_replies_back(inbox, answering, outbox, heart, leases, drafts):
    inbox.accept(incoming("hello #long 200 #slow"))
    running = begin(answering)
    _wait(lambda: drafts)
    heart.hand_back_all()
    running.join(30)

    assert not running.is_alive()
    assert finals(outbox) == []
    assert leases.acquire(talk()).tries == 1, "the line is not to blame"


def test_a_reply_that_takes_too_long_ends_with_words(store, leases, responder, engine, woken, inbox, outbox):
    hasty = Heart(store, leases, lease_seconds=1, reply_seconds=0.3)
    inbox.accept(incoming("hello #think 200 #slow"))
    Answering(leases, hasty, responder, engine, woken.append).reply(str(talk()))
    hasty.close()

    assert [final.reason for final in finals(outbox)] == ["timeout"]


def test_a_line_that_kills_the_engine_three_times_is_put_aside(inbox, answering, engine, dead, woken, outbox):
    def reply():
        engine.wait_ready(60)  # on a busy machine the next one takes its time
        answering.reply(str(talk()))

    inbox.accept(incoming("bad #die"))
    reply()
    assert finals(outbox) == []
    inbox.accept(incoming("innocent"))
    reply()
    reply()

    [final] = finals(outbox)
    assert isinstance(final, Failed)
    assert final.reason == "put_aside"
    assert [line.text for letter in dead.all(SURFACE) for line in letter.lines] == ["bad #die"]
    assert woken[-1] == talk()
    reply()
    assert finals(outbox)[0].answer == "You said: innocent. I am listening."


def test_who_is_answered_beside_a_line_that_kills_the_engine_three_times_is_not_put_aside_with_it(
    inbox, answering, engine, outbox, dead, drafts
):
    bad = talk("1002")
    inbox.accept(incoming("innocent #think 20 #slow"))
    inbox.accept(incoming("bad #die", bad))
    for _ in range(3):
        drafts.clear()
        engine.wait_ready(60)
        running = begin(answering)
        _wait(lambda: drafts)
        answering.reply(str(bad))
        running.join(60)
    engine.wait_ready(60)
    answering.reply(str(bad))

    assert [getattr(final, "answer", None) or final.reason for final in finals(outbox)] == [
        "You said: innocent. I am listening.",
        "put_aside",
    ]
    assert [line.text for letter in dead.all(SURFACE) for line in letter.lines] == ["bad #die"]


def test_a_last_try_that_waits_for_another_is_not_counted_as_one(leases, heart, responder, engine, inbox, outbox):
    last_tries, retries = LastTries(), metrics.RETRIES._value.get()
    answering = Answering(leases, heart, responder, engine, lambda _: None, last_tries=last_tries)
    inbox.accept(incoming("hello"))
    for _ in range(2):
        leases.release(leases.acquire(talk()), forgive=False)
    with last_tries.begin():
        for _ in range(3):
            answering.reply(str(talk()))

    assert finals(outbox) == []
    assert metrics.RETRIES._value.get() == retries
    answering.reply(str(talk()))
    assert [final.answer for final in finals(outbox)] == ["You said: hello. I am listening."]
    assert metrics.RETRIES._value.get() == retries + 1


def test_a_line_that_took_its_workers_down_is_put_aside_untried(say, inbox, leases, store, dead):
    inbox.accept(incoming("bad"))
    for _ in range(3):
        leases.acquire(talk())
        store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)

    assert [final.reason for final in say()] == ["put_aside"]
    assert len(dead.all(SURFACE)) == 1


def test_without_an_engine_no_lease_is_taken(leases, heart, responder, inbox, woken, monkeypatch):
    monkeypatch.setattr("workers.tasks._WAIT_READY_SECONDS", 0.1)
    inbox.accept(incoming("hello"))
    with EngineProcess(EngineOptions(engine="nonsense")) as broken:
        Answering(leases, heart, responder, broken, woken.append).reply(str(talk()))

    assert leases.acquire(talk()).tries == 1


def _wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("change", ["forget", "start_new", "undo", "pick"])
def test_a_worker_hears_where_what_was_said_has_changed(say, memory, heart, store, change):
    say("first")
    say("", kind="retry")
    heard = []
    heart.listeners.append(lambda *told: heard.append(told))
    _wait(lambda: store.redis.pubsub_numsub(CONTROL)[0][1] == 1)

    getattr(memory, change)(talk(), *([1] if change == "pick" else []))

    _wait(lambda: heard == [(str(talk()), change in ("forget", "undo"))])


def test_only_to_stop_a_reply_changes_nothing_that_was_said(inbox, answering, heart, drafts, store):
    inbox.accept(incoming("hello #long 200 #slow"))
    running = begin(answering)
    _wait(lambda: drafts)
    _wait(lambda: store.redis.pubsub_numsub(CONTROL)[0][1] == 1)
    heard = []
    heart.listeners.append(lambda *told: heard.append(told))
    assert inbox.stop(talk()) == "stopping"
    running.join(30)
    store.redis.publish(CONTROL, "something later")

    _wait(lambda: heard)
    assert heard == [("something later", True)]


def test_a_reply_is_given_up_before_it_is_heard_that_what_was_said_is_erased(inbox, answering, heart, memory, drafts):
    inbox.accept(incoming("hello #long 200 #slow"))
    running = begin(answering)
    _wait(lambda: drafts)
    [(_, watch)] = heart._beating.values()
    heard = []
    heart.listeners.append(lambda *told: heard.append((*told, watch.reason)))
    memory.forget(talk())
    running.join(30)

    assert not running.is_alive()
    assert heard == [(str(talk()), True, "lost")]


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_reply_whose_lease_was_lost_does_not_stand_in_for_the_one_that_the_same_worker_makes_anew(
    store, leases, inbox, has_ended
):
    """Whoever was silent for longer than its lease, as a laptop that slept, is mostly woken for the same lines by itself."""
    inbox.accept(incoming("hello"))
    with closing(Heart(store, leases, lease_seconds=600, reply_seconds=600)) as heart, ExitStack() as first:
        _wait(lambda: heart._has_listened)
        lost = first.enter_context(heart.beating(leases.acquire(talk())))
        store.redis.hset(Keys(SURFACE).of(talk(), "state"), "until", 0)
        with heart.beating(leases.acquire(talk())) as watch:
            if has_ended:
                first.close()
            assert (heart.num_busy, inbox.stop(talk())) == (1 if has_ended else 2, "stopping")
            _wait(lambda: (lost.reason, watch.reason) == (None if has_ended else "lost", "stop"))


def test_where_nothing_was_heard_for_a_while_anything_may_have_been_erased(store, leases):
    heart, heard = Heart(store, leases, lease_seconds=600, reply_seconds=600), []
    heart.listeners.append(lambda *told: heard.append(told))
    _wait(lambda: heart._has_listened)
    assert heard == [], "whoever begins has missed nothing"
    store.redis.client_kill_filter(_type="pubsub")

    _wait(lambda: heard == [(None, True)])
    heart.close()


def test_how_much_replies_differ_is_told_with_care_while_there_are_few(heart):
    for seconds, spread in ((10.0, 50**0.5), (10.0, (100 / 3) ** 0.5), (40.0, (600 + 400) ** 0.5 / 2)):
        heart._seconds.append(seconds)
        assert heart.reply_spread == pytest.approx(spread)

    heart._seconds.extend([10.0] * 64)
    assert heart.reply_spread == pytest.approx(10 / 65**0.5), "as good as none"
