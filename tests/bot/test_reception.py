"""Where an update is met: through the real commands, stores and Celery client."""

import asyncio
from dataclasses import replace

import pytest
from redis.exceptions import RedisError

from bot.commands import Answer
from bot.core import queue
from bot.core.inbox import Inbox
from bot.core.store import Keys
from bot.i18n import say
from bot.reception import Reception
from tests.sayings import SURFACE, finished, incoming, talk, turn


@pytest.fixture
def celery(redis_server):
    app = queue.client(redis_server.url)
    yield app
    app.close()


@pytest.fixture
def make(make_front, celery):
    def reception(wakeups=None, **settings):
        front = make_front(**settings)
        front.__dict__["wakeups"] = wakeups or queue.Wakeups(celery)
        return Reception(front)

    return reception


def receive(reception, *updates, pause=0.0, merge_seconds=None):
    """What is said at once to each; wake-ups that are on their way are waited for."""

    async def run():
        answers = []
        for update in updates:
            answers.append(await reception.receive(update, merge_seconds))
            await asyncio.sleep(pause)
        while reception._timers or reception._sending:
            await asyncio.sleep(0.01)
        return answers

    return asyncio.run(run())


def num_wakeups(store):
    return store.redis.llen("companion:companion")


def test_talk_goes_into_the_inbox_and_wakes_a_worker(make, store, inbox):
    assert receive(make(), incoming("hello")) == [None]

    assert inbox.num_waiting(talk()) == 1
    assert num_wakeups(store) == 1


def test_text_like_a_path_is_talk(make, inbox):
    assert receive(make(), incoming("/path/like text")) == [None]

    assert inbox.num_waiting(talk()) == 1


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("half \ud83d", "half \ufffd"), ("\udce4\udcbd hello", "\ufffd\ufffd hello"), ("\ud83d\ude42", "🙂")],
    ids=["half an emoji", "bytes of a terminal that speaks no UTF-8", "two halves"],
)
def test_halves_of_surrogate_pairs_are_taken_like_anything_that_cannot_be_read(make, inbox, typed, kept):
    update = incoming(typed)
    update = replace(update, line=replace(update.line, author=typed))

    assert receive(make(), update) == [None]

    assert [(line.text, line.author) for line in inbox.waiting(talk())] == [(kept, kept)]


def test_a_command_is_answered_at_once_and_wakes_nobody(make, store, inbox):
    assert receive(make(), incoming("/stop")) == [Answer("There is nothing to stop.")]

    assert (inbox.num_waiting(talk()), num_wakeups(store)) == (0, 0)


def test_an_unknown_command_is_answered_in_words(make):
    assert receive(make(), incoming("/dance")) == [Answer("I do not know /dance. /help shows what I understand.")]


def test_the_same_update_delivered_ten_times_is_answered_once(make, inbox):
    reception, update = make(), incoming("hello", update_id="7")

    assert receive(reception, *[update] * 10) == [None] * 10
    assert inbox.num_waiting(talk()) == 1


def test_the_same_command_delivered_twice_is_run_once(make, inbox, leases, memory):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    update = incoming("/reset yes", update_id="7")

    assert receive(make(), update, update) == [Answer("Forgotten: one exchange. We start afresh."), Answer("")]


@pytest.fixture
def three_turns(inbox, leases, memory):
    for id in ("t1", "t2", "t3"):
        inbox.accept(incoming())
        leases.commit(leases.acquire(talk()), finished(talk(), id), turn(id), "append")
    return lambda: [turn.id for turn in memory.recent(talk())]


UNDONE = "Taken back, with my answer: “hello”"


def test_one_turn_is_taken_back_however_often_the_same_wish_arrives_at_the_same_moment(make, three_turns):
    reception, update = make(), incoming("/undo", update_id="7")

    async def run():
        return await asyncio.gather(*(reception.receive(update) for _ in range(8)))

    assert sorted(answer.text for answer in asyncio.run(run())) == [*[""] * 7, UNDONE]
    assert three_turns() == ["t1", "t2"]


def test_one_turn_is_taken_back_when_redis_goes_away_before_it_is_noted_that_it_was(make, three_turns, monkeypatch):
    reception, update = make(), incoming("/undo", update_id="7")

    def away_now(*_):
        raise RedisError

    with monkeypatch.context() as away:
        away.setattr(Inbox, "mark_seen", away_now)
        with pytest.raises(RedisError):
            receive(reception, update)

    assert receive(reception, update, update) == [Answer("Taken back, with my answer."), Answer("")]
    assert three_turns() == ["t1", "t2"]


def test_a_wish_for_another_answer_delivered_twice_waits_once(make, store, inbox, leases):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    update = incoming("/retry", update_id="7")

    assert receive(make(), update, update) == [None, Answer("")]
    [line] = leases.acquire(talk()).lines
    assert (line.kind, line.text) == ("retry", "")
    assert num_wakeups(store) >= 1


def edit_of(update, text="hello again", update_id="edit 1"):
    line = replace(update.line, text=text, update_id=update_id, kind="edit")
    return replace(update, line=line)


def test_an_edit_of_what_waits_takes_its_place_and_wakes_a_worker(make, store, inbox):
    update = incoming("hello")

    assert receive(make(), update, edit_of(update)) == [None, None]

    assert [line.text for line in inbox.waiting(talk())] == ["hello again"]
    assert num_wakeups(store) >= 1


def test_an_edit_of_what_was_answered_waits_to_be_answered_anew_and_once(make, store, inbox, leases):
    inbox.accept(update := incoming("hello"))
    leases.commit(leases.acquire(talk()), finished(talk()), replace(turn(), lines=(update.line,)), "append")

    assert receive(make(), edit_of(update), edit_of(update)) == [None, Answer("")]

    [line] = leases.acquire(talk()).lines
    assert (line.kind, line.text, line.message_id) == ("edit", "hello again", update.line.message_id)
    assert num_wakeups(store) >= 1


def test_an_edit_of_what_nobody_knows_is_passed_over(make, store, inbox):
    assert receive(make(), edit_of(incoming("hello"))) == [Answer("")]

    assert (inbox.num_waiting(talk()), num_wakeups(store)) == (0, 0)


@pytest.mark.parametrize(("text", "word"), [("I want to die", "988"), ("x" * 200, "200")])
def test_the_words_of_an_edit_are_looked_at_like_any_others(make, inbox, text, word):
    update = incoming("hello")

    [_, answer] = receive(make(line_bytes=100), update, edit_of(update, text))

    assert word in answer.text
    assert [line.text for line in inbox.waiting(talk())] == ["hello"]


def test_a_wish_for_another_answer_that_finds_the_inbox_full_is_refused_in_words(make, inbox, leases):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")

    answers = receive(make(inbox_lines=1), incoming("hello"), incoming("/retry"))

    assert answers == [None, Answer(say("en", "refused-full", lines=1))]


def test_lines_within_the_merge_time_wake_once_and_a_later_one_again(make, store):
    reception = make()

    receive(reception, *(incoming(text) for text in ("so", "listen", "I got it")), merge_seconds=0.1)
    assert num_wakeups(store) == 1
    receive(reception, incoming("later"), merge_seconds=0.1)
    assert num_wakeups(store) == 2


def seconds_pass(store, seconds):
    for name in (Keys(SURFACE).pending, Keys(SURFACE).line):
        store.redis.zincrby(name, -1000 * seconds, str(talk()))


def test_a_wake_up_is_not_taken_for_lost_while_more_lines_may_still_join(make, store):
    reception = make(merge_seconds=10)
    receive(reception, incoming("so"), merge_seconds=0.01)

    seconds_pass(store, 9)
    assert reception._front.inbox.overdue(SURFACE) == []
    seconds_pass(store, 4)
    assert reception._front.inbox.overdue(SURFACE) == [talk()]


def test_people_do_not_delay_each_others_wake_ups(make, store):
    receive(make(), *(incoming(conversation=talk(person)) for person in "123"), merge_seconds=0.05)

    assert num_wakeups(store) == 3


def test_a_broker_that_fails_harms_nothing(make, inbox, store):
    broken = queue.client("redis://127.0.0.1:1/0")

    assert receive(make(queue.Wakeups(broken)), incoming("hello")) == [None]

    assert inbox.num_waiting(talk()) == 1
    store.redis.zadd(f"companion:{{{SURFACE}}}:pending", {str(talk()): 0})
    assert inbox.overdue(SURFACE) == [talk()], "the sweeper wakes instead"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_line_that_is_too_long_is_refused_in_words_and_once(make, inbox, language):
    update = incoming("长" * 40, update_id="7")
    expected = Answer(say(language, "refused-long", bytes=120, limit=100))

    assert receive(make(line_bytes=100, language=language), update, update) == [expected, Answer("")]
    assert inbox.num_waiting(talk()) == 0


def test_a_line_at_the_limit_is_taken(make, inbox):
    assert receive(make(line_bytes=100), incoming("x" * 100)) == [None]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_inbox_that_is_full_is_refused_in_words(make, inbox, language):
    reception = make(inbox_lines=2, language=language)

    answers = receive(reception, *(incoming() for _ in range(3)))

    assert answers == [None, None, Answer(say(language, "refused-full", lines=2))]
    assert inbox.num_waiting(talk()) == 2


def test_the_bot_speaks_the_persons_language_else_their_clients_else_its_own(make, people):
    from dataclasses import replace

    update = incoming("/stop")
    assert receive(make(language="zh"), update) == [Answer(say("zh", "stop-idle"))]
    assert receive(make(), replace(incoming("/stop"), language="zh-Hans")) == [Answer(say("zh", "stop-idle"))]
    people.choose(talk(), language="en")
    assert receive(make(language="zh"), replace(incoming("/stop"), language="zh")) == [Answer(say("en", "stop-idle"))]


def test_who_was_heard_in_their_language_is_refused_in_it_where_their_client_tells_none(make):
    """Discord tells it of whoever gives a command, and of nobody who writes."""
    reception = make(line_bytes=100)
    receive(reception, replace(incoming("/help"), language="zh-CN"))

    assert receive(reception, incoming("x" * 101)) == [Answer(say("zh", "refused-long", bytes=101, limit=100))]


def test_a_line_that_could_not_be_kept_is_an_error_so_that_the_platform_keeps_it(own_redis, make_front):
    import os
    import signal

    from redis.exceptions import RedisError

    front = make_front(url=own_redis.url)
    reception = Reception(front)
    os.kill(front.store.redis.info()["process_id"], signal.SIGKILL)

    with pytest.raises(RedisError):
        receive(reception, incoming("hello"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_full_disk_nothing_is_taken_and_the_person_is_told(make, inbox, monkeypatch, language):
    monkeypatch.setattr("bot.reception._LEAST_DISK_BYTES", 2**70)

    assert receive(make(language=language), incoming("hello")) == [Answer(say(language, "refused-disk"))]
    assert inbox.num_waiting(talk()) == 0
    assert receive(make(redis_url="redis://elsewhere"), incoming("hello")) == [None], "another machine's disk is its own matter"


@pytest.mark.parametrize(
    ("language", "text", "call"),
    [("en", "I want to die", "988"), ("zh", "I want to die", "12356"), ("en", "我不想活了", "12356")],
)
def test_such_a_message_gets_care_at_once_and_never_reaches_the_model(make, inbox, people, language, text, call):
    people.choose(talk(), language=language)

    [answer] = receive(make(), incoming(text))

    assert call in answer.text
    assert inbox.num_waiting(talk()) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_when_too_many_people_wait_a_new_one_is_told_to_come_again(make, inbox, language):
    reception = make(waiting_conversations=1, language=language, disclosure_hours=0)

    answers = receive(reception, incoming(conversation=talk("1")), incoming(conversation=talk("2")))

    assert answers[-1] == Answer(say(language, "refused-busy"))
    assert inbox.num_waiting(talk("2")) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_somebody_who_writes_in_many_chats_at_once_is_told_once_that_one_comes_later_and_wakes_nobody(make, store, language):
    reception = make(person_replies=1, language=language, disclosure_hours=0)
    here, there = talk("1", chat="-1"), talk("1", chat="-2")

    answers = receive(reception, *(incoming(conversation=where) for where in (here, there, there)))

    assert answers[-2:] == [Answer(say(language, "waiting-behind"), waits=True), None]
    assert num_wakeups(store) == 1
