"""What is kept of a person, theirs to see, to have and to erase; in both languages, through the real stores."""

import json
import time
from dataclasses import replace

import pytest

from bot.adapters.shared.keeping import Keeping, Shown
from bot.commands import Choice
from bot.commands.readable import moment
from bot.core.access import Subject
from bot.core.limits import Limits
from bot.core.messages import Conversation, Failed
from bot.core.settings import load
from bot.core.store import Keys
from bot.i18n import say
from tests.sayings import SURFACE, finished, incoming, talk, turn
from tests.traces import traces

LANGUAGES = ["en", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_memory_says_how_much_since_when_and_what_was_left_out(tell, end_turn, memory, language):
    assert tell("/memory", language).text == say(language, "memory-empty")
    end_turn("t1")
    end_turn("t2")

    oldest = moment(memory.recent(talk())[0].at)
    assert tell("/memory", language).text == say(language, "memory", turns=2, oldest=oldest, left_out=0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [0, 1, 30])
def test_privacy_says_what_where_how_long_and_how_to_erase(tell, make_front, language, days):
    text = tell("/privacy", language, front=make_front(retention_days=days, memory_turns=77)).text

    assert text == say(language, "privacy", turns=77, days=days)
    for told in ("77", "AES-256-GCM", "/export", "/undo", "/reset", "/forget"):
        assert told in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", ["/privacy", "/export", "/forget"])
def test_where_channels_may_have_one_talk_for_all_it_is_said_what_of_it_is_ones_own(tell, language, command):
    """Their lines, and the answers to them; not what others said."""
    there = Conversation("discord", "7", "9", "0", "1001")

    assert tell(command, language, conversation=there).text.endswith(say(language, "shared-talk"))
    assert say(language, "shared-talk") not in tell(command, language).text


@pytest.fixture
def kept(end_turn, inbox, leases, people):
    """One of everything that can be kept of a person, and something of somebody else's."""
    end_turn("t1", "my cat is called Miso", variants=("nice", "how sweet"))
    inbox.accept(incoming("put this aside"))
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t2", "1", "put_aside"), put_aside=True)
    inbox.accept(incoming("still waiting"))
    people.choose(talk(), persona="tycho")
    people.choose_for_chat(talk(), thinking="show")
    end_turn("t9", "a secret of Bob's", conversation=talk("2"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_export_gives_everything_twice_for_the_persons_eyes_alone(tell, kept, people, language):
    answer = tell("/export", language)

    assert (answer.text, answer.private) == (say(language, "export-done", turns=1), True)
    for_programs, for_people = answer.documents
    assert [for_programs.name, for_people.name] == ["companion-export.json", "companion-export.txt"]
    expected = people.export(talk()) | {"lists": [], "admin_log": []}
    assert json.loads(for_programs.content) == json.loads(json.dumps(expected))
    for document in answer.documents:
        text = document.content.decode()
        for word in ("Miso", "nice", "how sweet", "put this aside", "still waiting", "tycho", "show"):
            assert word in text
        assert "Bob" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_tells_the_lists_and_the_admins_log_of_this_person_alone(tell, front, language):
    me = talk().person
    for person in (me, "2"):
        front.access.put(Subject(SURFACE, "person", person), "allow")
        front.audit.write(SURFACE, "telegram:9", "allow", f"person:{person}")
    front.audit.write(SURFACE, "telegram:9", "dead replay", str(talk()), "t1")
    front.audit.write(SURFACE, f"telegram:{me}", "join by invite")

    for_programs, for_people = tell("/export", language).documents

    kept = json.loads(for_programs.content)
    assert kept["lists"] == ["allow"]
    whoms = [(entry["what"], entry["whom"]) for entry in kept["admin_log"]]
    assert whoms == [("allow", f"person:{me}"), ("dead replay", str(talk())), ("join by invite", "")]
    text = for_people.content.decode()
    assert say(language, "export-lists") in text
    assert f"telegram:9 allow person:{me}" in text
    assert "person:2" not in text


def test_an_export_tells_what_names_the_persons_private_chat(tell, front):
    """It bears their own id."""
    me = talk().person
    front.access.put(Subject(SURFACE, "chat", me), "block")
    front.audit.write(SURFACE, "telegram:9", "block", f"chat:{me}")
    front.access.put(Subject(SURFACE, "chat", "-9"), "allow")
    front.audit.write(SURFACE, "telegram:9", "allow", "chat:-9")

    kept = json.loads(tell("/export").documents[0].content)

    assert kept["lists"] == ["block"]
    assert [entry["whom"] for entry in kept["admin_log"]] == [f"chat:{me}"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_can_be_read_in_the_persons_language(tell, kept, memory, language):
    text = tell("/export", language).documents[1].content.decode()
    turn = memory.last(talk())

    assert text.splitlines()[0] == say(language, "export-head", person="1001", name=SURFACE)
    for key in ("export-choices", "export-chat-choices", "export-waiting", "export-put-aside"):
        assert say(language, key) in text
    assert f"{moment(turn.lines[0].at)} Ann: my cat is called Miso" in text
    assert f"{moment(turn.at)} default: how sweet\n{say(language, 'export-variant', reply='nice')}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_tells_ones_part_of_a_shared_talk_and_that_an_answer_to_several_is_not_in_it(tell, inbox, leases, language):
    everybody = talk(chat="-9").shared
    for id, *speakers in (("t1", "1001"), ("t2", "1001", "2")):
        for speaker in speakers:
            said = incoming(f"{id} said by {speaker}", everybody)
            inbox.accept(replace(said, line=replace(said.line, speaker=speaker)))
        lease = leases.acquire(everybody)
        kept = replace(turn(id, reply=f"answer {id}"), lines=lease.lines)
        leases.commit(lease, finished(everybody, id), kept, "append")

    text = tell("/export", language).documents[1].content.decode()

    assert say(language, "export-shared", chat="-9", thread="0") in text
    assert "Ann: t1 said by 1001" in text
    assert "default: answer t1" in text
    assert f"Ann: t2 said by 1001\n{moment(2.0)} default: {say(language, 'export-answered-several')}" in text
    assert "answer t2" not in text
    assert "said by 2" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_tells_the_small_things_too(tell, front, kept, store, outbox, language):
    for entry in outbox.fresh(10):
        outbox.end(entry, ["m7"])
    Keeping(store, SURFACE).keep_shown(talk(), Shown(turn="t2", ids=[8], wait=9))
    limits = make_limits(front, messages_per_minute=1)
    assert [limits.refuse(incoming()) is None for _ in range(2)] == [True, False]
    front.disclosures.told(talk(), 3)
    store.redis.set(Keys(SURFACE).of_person("1001", "spent"), 70)

    for_programs, for_people = tell("/export", language).documents

    marks, text = json.loads(for_programs.content)["marks"], for_people.content.decode()
    assert marks.keys() == {"seen", "rate", "told rate", "told it is an AI", "tokens before forget"}
    assert abs(marks["seen"] - time.time()) < 60
    assert f"{say(language, 'export-marks')}\n    seen: {moment(marks['seen'])}\n" in text
    assert "tokens before forget: 70" in text
    assert say(language, "export-messages", ids="m7, 8, 9") in text


def make_limits(front, **settings):
    return Limits(front.store, load(**settings), front.access)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_of_nothing_says_so(tell, language):
    answer = tell("/export", language)

    assert answer.text == say(language, "export-done", turns=0)
    assert say(language, "export-nothing") in answer.documents[1].content.decode()


@pytest.mark.parametrize(("language", "word"), [("en", "yes"), ("zh", "确定"), ("zh", "是")])
def test_forget_explains_first_and_then_erases_everything(tell, kept, store, outbox, language, word):
    asked = tell("/forget", language)
    assert asked.text == say(language, "forget-sure")
    assert "/forget yes" in asked.text, "where there are no buttons"
    labels = [say(language, "button-forget"), say(language, "button-keep")]
    assert asked.choices == (Choice(labels[0], "/forget yes"), Choice(labels[1], "/forget no"))

    assert tell(f"/forget {word}", language).text == say(language, "forget-done", turns=1)

    for entry in outbox.fresh(10):
        outbox.end(entry, ["m1"])
    assert traces(store.redis, "1001") == []
    assert store.redis.exists(Keys(SURFACE).of_person("2", "key")), "others are not touched"


@pytest.mark.parametrize("language", LANGUAGES)
def test_forget_without_the_word_erases_nothing(tell, kept, memory, language):
    for argument in ("no", "everything"):
        assert tell(f"/forget {argument}", language).text == say(language, "kept")

    assert memory.num_turns(talk()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_stats_count_turns_and_tokens(tell, end_turn, store, memory, language):
    end_turn("t1")
    end_turn("t2", conversation=talk(chat="-9"))
    since = moment(memory.last(talk()).at)
    day = int(time.time() // 86_400)
    used = Keys(SURFACE).of_person("1001", "usage")
    store.redis.hset(used, mapping={"day": day, "tokens_today": 30, "turns": 5, "tokens": 900})

    answer = tell("/stats", language)

    assert answer.private, "a group need not know"
    assert answer.text.splitlines() == [
        say(language, "stats-turns", here=1, turns=5),
        say(language, "stats-since", oldest=since),
        say(language, "stats-tokens", today=30, tokens=900),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("spent", "left"), [(30, 70), (130, 0)])
def test_stats_tell_what_is_left_of_a_budget(tell, make_front, store, language, spent, left):
    used = Keys(SURFACE).of_person("1001", "usage")
    store.redis.hset(used, mapping={"day": int(time.time() // 86_400), "tokens_today": spent})

    text = tell("/stats", language, front=make_front(daily_tokens=100)).text

    assert text.splitlines()[-1] == say(language, "stats-left", left=left, limit=100)


@pytest.mark.parametrize("language", LANGUAGES)
def test_to_be_forgotten_does_not_make_stats_promise_what_the_gate_refuses(tell, make_front, store, language):
    front, used = make_front(daily_tokens=100), Keys(SURFACE).of_person("1001", "usage")
    store.redis.hset(used, mapping={"day": store.redis.time()[0] // 86_400, "tokens_today": 100})

    tell("/forget yes", front=front)

    assert front.limits.refuse(incoming()).reason == "tokens"
    assert tell("/stats", language, front=front).text.splitlines()[-1] == say(language, "stats-left", left=0, limit=100)


@pytest.mark.parametrize("role", ["owners", "admins"])
def test_stats_name_no_budget_to_whom_none_holds(tell, make_front, role):
    text = tell("/stats", front=make_front(daily_tokens=100, **{role: "telegram:1001"})).text

    assert "100" not in text


def test_the_day_of_tokens_is_that_of_redis_whatever_the_clock_here_says(tell, store, monkeypatch):
    day = store.redis.time()[0] // 86_400
    store.redis.hset(Keys(SURFACE).of_person("1001", "usage"), mapping={"day": day, "tokens_today": 30, "tokens": 30})
    monkeypatch.setattr("time.time", lambda: (day + 3) * 86_400.0)

    assert say("en", "stats-tokens", today=30, tokens=30) in tell("/stats").text


def test_tokens_of_yesterday_are_not_todays(tell, store):
    used = Keys(SURFACE).of_person("1001", "usage")
    store.redis.hset(used, mapping={"day": int(time.time() // 86_400) - 1, "tokens_today": 30, "turns": 1, "tokens": 30})

    assert say("en", "stats-tokens", today=0, tokens=30) in tell("/stats").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_stats_of_somebody_new_are_zero(tell, language):
    assert tell("/stats", language).text.splitlines() == [
        say(language, "stats-turns", here=0, turns=0),
        say(language, "stats-tokens", today=0, tokens=0),
    ]
