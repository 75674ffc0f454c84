"""What people meet of the conduct: told that this is an AI, given care, and shown by /safety what is done."""

import asyncio

import pytest

from bot.conduct import CareCount
from bot.i18n import say
from bot.reception import Reception
from tests.sayings import incoming, talk

LANGUAGES = ["en", "zh"]


class NoWakeups:
    def send(self, conversation):
        """Nobody is to be woken."""


@pytest.fixture
def make(make_front):
    def reception(**settings):
        front = make_front(everybody_was_told=False, **settings)
        front.__dict__["wakeups"] = NoWakeups()
        return Reception(front)

    return reception


def receive(reception, *texts, conversation=None):
    """What is said at once to each."""

    async def run():
        updates = [text if not isinstance(text, str) else incoming(text, conversation) for text in texts]
        answers = [await reception.receive(update, 0) for update in updates]
        while reception._timers or reception._sending:
            await asyncio.sleep(0.01)
        return [answer.text if answer else None for answer in answers]

    return asyncio.run(run())


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_the_first_message_a_person_is_told_and_answered_too(make, inbox, language):
    assert receive(make(language=language), "hello", "again") == [say(language, "disclosure"), None]

    assert [line.text for line in inbox.waiting(talk())] == ["hello", "again"]


@pytest.mark.parametrize(("text", "language"), [("are you human?", "en"), ("你是真人吗？", "zh")])
def test_who_asks_is_told_each_time_in_the_language_of_the_question_and_the_model_answers_as_well(make, inbox, text, language):
    reception = make()
    receive(reception, "hello")

    assert receive(reception, text, text) == [say(language, "disclosure")] * 2
    assert inbox.num_waiting(talk()) == 3


def test_a_question_delivered_twice_is_answered_once(make):
    update = incoming("are you a bot?", update_id="7")
    assert receive(make(), update, update) == [say("en", "disclosure"), None]


def test_a_question_that_finds_the_inbox_full_is_refused(make):
    assert receive(make(inbox_lines=1), "hello", "are you a bot?")[1] == say("en", "refused-full", lines=1)


def test_a_person_is_told_again_when_the_interval_has_passed(make, store):
    reception = make(disclosure_hours=2)
    assert receive(reception, "hello", "so") == [say("en", "disclosure"), None]

    [name] = store.redis.keys("*:disclosed:*")
    assert 7_000_000 < store.redis.pttl(name) <= 7_200_000
    store.redis.delete(name)  # as Redis does then
    assert receive(reception, "hello again") == [say("en", "disclosure")]


def test_without_an_interval_a_person_is_told_at_the_start_alone(make, store):
    assert receive(make(disclosure_hours=0), "hello", "so") == [say("en", "disclosure"), None]
    [name] = store.redis.keys("*:disclosed:*")
    assert store.redis.ttl(name) == -1


def test_who_began_with_start_was_told_by_it(make):
    assert receive(make(), "/start", "hello")[1] is None


def test_a_person_who_was_erased_is_told_anew(make, people, store):
    reception = make()
    receive(reception, "hello")
    people.forget(talk())
    assert store.redis.keys("*:disclosed:*") == []
    assert receive(reception, "hello") == [say("en", "disclosure")]


def test_an_operator_may_switch_reminders_off(make, tmp_path, inbox):
    reception = make(conduct_file=_own(tmp_path, "disclosure = false"))

    assert receive(reception, "hello", "are you human?") == [None, None]
    assert inbox.num_waiting(talk()) == 2


def test_an_operator_may_switch_care_off_and_the_message_goes_to_the_model(make, tmp_path, inbox):
    reception = make(conduct_file=_own(tmp_path, "care = false\ndisclosure = false"))

    assert receive(reception, "I want to die") == [None]
    assert inbox.num_waiting(talk()) == 1


@pytest.mark.parametrize(("country", "call"), [("", "988"), ("AU", "13 11 14"), ("DE", "0800 111 0 111")])
def test_care_has_the_lines_of_the_country(make, country, call):
    [text] = receive(make(country=country), "I want to die")

    assert call in text
    assert "findahelpline.com" in text
    assert ("988" in text) == (country == "")


def test_care_is_counted_once_for_each_message_and_keeps_nobody(make, store):
    reception, update = make(), incoming("I want to die", update_id="7")

    receive(reception, update, update, "我不想活了")

    assert list(CareCount(store).by_month().values()) == [2]
    kept = " ".join(str(store.redis.dump(key)) for key in store.redis.keys("*care*"))
    assert "1001" not in kept


@pytest.mark.parametrize("language", LANGUAGES)
def test_safety_says_what_is_done_and_lists_the_lines(make, language):
    reception = make(language=language)

    [text] = receive(reception, "/safety")

    conduct = reception._front.conduct
    for line in conduct.lines(language, ""):
        assert line in text
    assert conduct.emergency(language, "") in text
    assert "3" in text
    for change in ("changed", "without-care", "without-disclosure"):
        assert say(language, f"safety-{change}") not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("signs = ['sea']", ["changed"]),
        ("care = false", ["without-care"]),
        ("care = false\ndisclosure = false", ["without-care", "without-disclosure"]),
    ],
)
def test_safety_says_what_the_operator_changed_or_switched_off(make, tmp_path, language, file, changes):
    [text] = receive(make(language=language, conduct_file=_own(tmp_path, file)), "/safety")

    assert text.endswith("\n".join(say(language, f"safety-{change}") for change in changes))


@pytest.mark.parametrize(("hours", "words"), [(0, "whenever you ask."), (1, "every hour"), (0.5, "every 0.5 hours")])
def test_safety_tells_the_interval(make, hours, words):
    assert words in receive(make(disclosure_hours=hours), "/safety")[0]


def test_the_operators_file_is_followed_while_the_process_runs(make, tmp_path, monkeypatch):
    monkeypatch.setattr("bot.core.live._LOOK_SECONDS", 0.0)
    file = _own(tmp_path, "disclosure = false")
    reception = make(conduct_file=file)
    assert "555" not in receive(reception, "/safety")[0]

    file.write_text("[resources.US]\nen = 'Ours: 555'\nzh = '555'")
    assert "Ours: 555" in receive(reception, "/safety")[0]
    file.write_text("[resources.US")
    assert "Ours: 555" in receive(reception, "/safety")[0], "the last good one stays"


def _own(tmp_path, text):
    file = tmp_path / "own.toml"
    file.write_text(text)
    return file
