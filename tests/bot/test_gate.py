"""Who is heard: refusals in both languages, said once, through reception and the real stores."""

import asyncio
from dataclasses import replace

import pytest

from bot.core.access import Subject
from bot.core.store import Keys
from bot.gate import span
from bot.i18n import say
from bot.reception import Reception
from tests.sayings import SURFACE, finished, incoming, talk, turn

LANGUAGES = ["en", "zh"]
PERSON = Subject(SURFACE, "person", "1001")


class _Silent:
    def send(self, conversation):
        pass


@pytest.fixture
def make(make_front):
    def reception(**settings):
        front = make_front(**{"disclosure_hours": 0, **settings})
        front.__dict__["wakeups"] = _Silent()
        return Reception(front)

    return reception


def receive(reception, *updates):
    """The text said at once to each, empty when nothing is to follow; None when a worker answers."""

    async def run():
        answers = [await reception.receive(update) for update in updates]
        while reception._timers or reception._sending:
            await asyncio.sleep(0.01)
        return [answer and answer.text for answer in answers]

    return asyncio.run(run())


def test_talk_of_somebody_who_is_heard_goes_on_to_the_inbox(make, inbox):
    reception = make(access="invite", messages_per_minute=5, daily_tokens=5)
    reception._front.access.put(PERSON, "allow")

    receive(reception, incoming("hello"))

    assert inbox.num_waiting(talk()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["hello", "/help", "/stop", "/persona", "/retry", "/nonsense", "/admin stats"])
def test_the_blocked_hear_so_once_whatever_they_write(make, inbox, language, text):
    reception = make(language=language)
    reception._front.access.put(PERSON, "block")

    assert receive(reception, *(incoming(text) for _ in range(3))) == [say(language, "denied-blocked"), "", ""]
    assert inbox.num_waiting(talk()) == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["hello", "/help", "/stop", "/persona", "hello there, may I come in?"])
def test_the_uninvited_hear_so_once(make, inbox, language, text):
    reception = make(access="invite", language=language)

    assert receive(reception, *(incoming(text) for _ in range(3))) == [say(language, "denied-uninvited"), "", ""]
    assert inbox.num_waiting(talk()) == 0


@pytest.mark.parametrize("command", ["/privacy", "/export", "/forget yes"])
def test_what_is_kept_of_the_blocked_stays_theirs(make, inbox, leases, memory, command):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    reception = make(access="invite")
    reception._front.access.put(PERSON, "block")

    [answer] = receive(reception, incoming(command))

    assert answer != say("en", "denied-blocked")
    assert memory.num_turns(talk()) == (0 if command == "/forget yes" else 1)
    assert reception._front.access.is_on(PERSON, "block"), "to be forgotten lifts no block"


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_writes_too_fast_hears_when_to_go_on(make, inbox, language):
    reception = make(messages_per_minute=2, language=language)

    answers = receive(reception, *(incoming("hello") for _ in range(4)))

    expected = {"en": "one second", "zh": "1 秒"}
    assert expected[language] == span(1, language)
    assert answers == [None, None, say(language, "denied-rate", span=span(30, language)), ""]
    assert inbox.num_waiting(talk()) == 2


def test_commands_count_too_but_never_those_that_people_must_always_have(make):
    reception = make(messages_per_minute=1)
    receive(reception, incoming("/help"))

    assert receive(reception, incoming("/memory")) == [say("en", "denied-rate", span="one minute")]
    for command in ("/stop", "/privacy", "/export", "/forget"):
        [answer] = receive(reception, incoming(command))
        assert answer, command


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_has_had_the_words_of_the_day_hears_when_to_come_back(make, inbox, store, language):
    reception = make(daily_tokens=100, language=language)
    day = store.redis.time()[0] // 86400
    store.redis.hset(Keys(SURFACE).of_person("1001", "usage"), mapping={"day": day, "tokens_today": 100})

    first, second, command, leaf = receive(
        reception, incoming("hello"), incoming("/retry"), incoming("/memory"), incoming("/retry list")
    )

    seconds = 86400 - store.redis.time()[0] % 86400
    assert first in {say(language, "denied-tokens", span=span(seconds + late, language)) for late in (0, 1, 2)}
    assert second == "", "an answer anew is an answer too"
    assert command == say(language, "memory-empty")
    assert leaf, "to see what was written before costs nothing"
    assert inbox.num_waiting(talk()) == 0


def test_to_be_forgotten_gives_no_new_words_for_the_day(make, store):
    reception, usage = make(daily_tokens=100), Keys(SURFACE).of_person("1001", "usage")
    store.redis.hset(usage, mapping={"day": store.redis.time()[0] // 86400, "tokens_today": 100})

    receive(reception, incoming("/forget yes"))

    assert not store.redis.exists(usage)
    [answer] = receive(reception, incoming("hello"))
    assert answer.startswith(say("en", "denied-tokens", span="")[:40])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", ["{}", " {} ", "/start {}", "/start@companion_bot {}"])
def test_an_invite_code_lets_in_and_greets(make, inbox, language, way):
    reception = make(access="invite", language=language)
    code = reception._front.access.make_invite(SURFACE)

    [answer] = receive(reception, incoming(way.format(code)))
    assert answer.startswith(say(language, "invite-accepted"))
    assert len(answer) > len(say(language, "invite-accepted")) + 20, "and the companion presents itself"

    receive(reception, incoming("hello"))
    assert inbox.num_waiting(talk()) == 1, "the code itself went nowhere"
    [entry] = reception._front.audit.last(SURFACE, 5)
    assert (entry.who, entry.what, entry.whom, entry.value) == ("telegram:1001", "join by invite", "", "")


def test_who_joins_in_a_talk_that_all_share_stands_in_the_log_and_not_the_talk(make):
    reception = make(access="invite")
    code = incoming(reception._front.access.make_invite(SURFACE), talk(chat="-9").shared)

    receive(reception, replace(code, line=replace(code.line, speaker="1001")))

    assert reception._front.access.is_on(PERSON, "allow")
    assert [entry.who for entry in reception._front.audit.last(SURFACE, 5)] == ["telegram:1001"]


def test_a_code_still_works_for_who_was_refused_before_and_only_once(make):
    reception = make(access="invite")
    code = reception._front.access.make_invite(SURFACE)
    assert receive(reception, incoming("hi")) == [say("en", "denied-uninvited")]

    [answer] = receive(reception, incoming(code))
    assert answer.startswith(say("en", "invite-accepted"))
    assert receive(reception, incoming(code, talk("2"))) == [say("en", "invite-unknown")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_that_is_used_or_wrong_is_told_so(make, language):
    reception = make(access="invite", language=language)
    code = reception._front.access.make_invite(SURFACE)
    receive(reception, incoming(code))

    assert receive(reception, incoming(f"/start {code}", talk("2"))) == [say(language, "invite-unknown")]
    assert receive(reception, incoming("/start mistyped", talk("3"))) == [say(language, "invite-unknown")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_by_itself_that_is_no_good_is_told_so_even_to_who_was_refused_before(make, language):
    reception = make(access="invite", language=language)
    code = reception._front.access.make_invite(SURFACE)
    receive(reception, incoming("hello"), incoming(code, talk("2")))

    used, cut_off, talked = receive(reception, incoming(code), incoming(code[:-2]), incoming("hello?"))

    assert (used, cut_off, talked) == (say(language, "invite-unknown"), "", ""), "once a minute, and talk is no code"


@pytest.mark.parametrize("text", ["x" * 14, "x" * 31, "please let me come in", "好" * 20, "http://example.com/abcd"])
def test_what_does_not_look_like_a_code_is_not_called_one(make, text):
    assert receive(make(access="invite"), incoming(text)) == [say("en", "denied-uninvited")]


def test_who_tries_one_code_after_the_other_hears_so_once_a_minute(make, front):
    reception = make(access="invite")
    codes = [incoming(f"/start mistyped{number}") for number in range(3)]

    assert receive(reception, *codes) == [say("en", "invite-unknown"), "", ""]

    front.store.redis.hset(Keys(SURFACE).of_person(talk().person, "told"), "code", 1)  # as if the minute were over
    assert receive(reception, incoming("/start again")) == [say("en", "invite-unknown")]


def test_two_who_send_one_code_at_once_are_not_both_let_in(make):
    one, other = make(access="invite"), make(access="invite")
    code = one._front.access.make_invite(SURFACE)

    async def both():
        return await asyncio.gather(
            one.receive(incoming(f"/start {code}", talk("1"))), other.receive(incoming(f"/start {code}", talk("2")))
        )

    texts = [answer.text for answer in asyncio.run(both())]

    assert sum(text.startswith(say("en", "invite-accepted")) for text in texts) == 1
    assert texts.count(say("en", "invite-unknown")) == 1


def test_a_block_by_one_process_counts_in_another_at_the_next_message(make, inbox):
    here, there = make(), make()
    receive(there, incoming("hello"))

    here._front.access.put(PERSON, "block")

    assert receive(there, incoming("hello")) == [say("en", "denied-blocked")]
    assert inbox.num_waiting(talk()) == 1


def test_a_rate_is_shared_by_all_processes(make):
    here, there = make(messages_per_minute=1), make(messages_per_minute=1)
    receive(here, incoming("hello"))

    assert receive(there, incoming("hello")) == [say("en", "denied-rate", span="one minute")]


def test_a_refused_update_that_comes_again_is_met_with_silence(make, inbox):
    reception, update = make(access="invite"), incoming("hello")

    assert receive(reception, update, update) == [say("en", "denied-uninvited"), None]
    assert inbox.num_waiting(talk()) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_in_danger_is_turned_away(make, inbox, language):
    reception = make(access="invite", language=language)
    reception._front.access.put(PERSON, "block")

    [answer] = receive(reception, incoming("I want to die" if language == "en" else "我不想活了"))

    assert answer
    assert answer != say(language, "denied-blocked")
    assert inbox.num_waiting(talk()) == 0


def test_the_owner_is_heard_always(make, inbox):
    reception = make(access="invite", messages_per_minute=1, owners="telegram:1001")
    reception._front.access.put(PERSON, "block")

    assert receive(reception, *(incoming("hello") for _ in range(3))) == [None] * 3
    assert inbox.num_waiting(talk()) == 3


def test_the_gate_costs_one_round_trip(make, monkeypatch):
    reception = make(access="invite", messages_per_minute=60, daily_tokens=5)
    reception._front.access.put(PERSON, "allow")
    receive(reception, incoming("warm"))
    redis, calls = reception._front.store.redis, []
    execute = redis.execute_command
    monkeypatch.setattr(redis, "execute_command", lambda *args, **options: calls.append(args) or execute(*args, **options))

    receive(reception, incoming("hello"))
    with_gate = len(calls)
    monkeypatch.setattr("bot.reception.turn_away", lambda *args: None)
    receive(reception, incoming("hello"))

    assert with_gate - (len(calls) - with_gate) == 1


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "one second", "1 秒"),
        (1, "one second", "1 秒"),
        (59, "59 seconds", "59 秒"),
        (60, "one minute", "1 分钟"),
        (61, "2 minutes", "2 分钟"),
        (5400, "90 minutes", "90 分钟"),
        (5401, "2 hours", "2 小时"),
        (86400, "24 hours", "24 小时"),
    ],
)
def test_a_time_to_wait_is_said_in_words_and_never_too_short(seconds, en, zh):
    assert (span(seconds, "en"), span(seconds, "zh")) == (en, zh)
