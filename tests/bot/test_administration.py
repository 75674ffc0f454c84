"""/admin from inside a chat: what admins can do, what owners are spared, and what everybody else is told."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import commands
from bot.commands import parse
from bot.commands.admin import ARGUMENTS
from bot.core.access import Subject
from bot.core.messages import Conversation, Failed
from bot.core.presence import Presence, WorkerState
from bot.i18n import say
from tests.sayings import SURFACE, finished, incoming, talk, turn

LANGUAGES = ["en", "zh"]
OWNER, ADMIN, ANN, BOB = "1", "2", "1001", "1002"
GROUP = "-9"
ROLES = {"owners": "telegram:1", "admins": "telegram:2"}


class _Wakeups:
    def __init__(self):
        self.sent = []

    def send(self, conversation):
        self.sent.append(conversation)


@pytest.fixture
def front(make_front):
    front = make_front(**ROLES)
    front.__dict__["wakeups"] = _Wakeups()
    return front


@pytest.fixture
def tell(front):
    """The answer to a command of an admin, or of whom it is said to be."""

    def run(text, language="en", person=ADMIN, chat=None, server=None, front=front):
        update = replace(incoming(text, talk(person, chat)), server=server)
        return commands.run(front, parse(update, language))

    return run


@pytest.fixture
def remember(inbox, leases):
    def add(*conversations):
        for conversation in conversations:
            inbox.accept(incoming(conversation=conversation))
            leases.commit(leases.acquire(conversation), finished(conversation), turn(), "append")

    return add


@pytest.fixture
def letter(inbox, leases):
    inbox.accept(incoming("poison", talk(ANN)))
    leases.commit(leases.acquire(talk(ANN)), Failed(str(talk(ANN)), "t9", "1", "put_aside"), put_aside=True)
    return "t9"


def log(front):
    return [(entry.who, entry.what, entry.whom, entry.value) for entry in front.audit.last(SURFACE, 100)]


def person(language, id=ANN):
    return say(language, "subject-person", id=id)


ATTEMPTS = [
    "",
    "reset 1001",
    "reset 1001 yes",
    "reset chat yes",
    "persona 1001 tycho",
    "persona chat tycho",
    "block 1001",
    "block chat",
    "block server",
    "unblock 1001",
    "allow 1001",
    "allow @1001",
    "disallow 1001",
    "invite",
    "stats",
    "dead",
    "dead list",
    "dead show t9",
    "dead replay t9",
    "dead drop t9 yes",
    "my secret words",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("chat", [None, GROUP])
def test_others_are_refused_in_the_same_words_on_every_path_and_it_is_written_down(
    tell, front, store, remember, letter, attempt, language, chat
):
    remember(talk(ANN), talk(ANN, GROUP))
    before = {name: store.redis.dump(name) for name in store.redis.scan_iter()}

    answer = tell(f"/admin {attempt}", language, person=BOB, chat=chat, server="77")

    assert (answer.text, answer.choices, answer.private) == (say(language, "denied-admin"), (), True)
    name = attempt.split(" ")[0]
    assert log(front) == [(f"telegram:{BOB}", f"refused {name if name in ARGUMENTS else 'admin'}", "", "")]
    written = {f"companion:{{{SURFACE}}}:{what}".encode() for what in ("audit-refused", f"told:{BOB}")}
    after = {name: store.redis.dump(name) for name in store.redis.scan_iter() if name not in written}
    assert after == before, "and nothing else was changed"

    again = tell(f"/admin {attempt}", language, person=BOB, chat=chat, server="77")
    assert (again.text, again.choices, again.private) == ("", (), True), "once a minute"
    assert len(log(front)) == 2, "but all of it is written down"


def test_every_way_of_admin_is_tried_above():
    assert {attempt.split(" ")[0] for attempt in ATTEMPTS} >= set(ARGUMENTS)


def test_who_is_an_admin_is_asked_at_every_use(make_front, tell):
    assert tell("/admin stats").text != say("en", "denied-admin")
    assert tell("/admin stats", front=make_front()).text == say("en", "denied-admin"), "as soon as the settings say so"


def test_help_shows_admin_to_admins_alone(tell):
    assert "/admin" in tell("/help").text
    assert "/admin" not in tell("/help", person=ANN).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", ["", "dance", "HELP me"])
def test_admin_by_itself_says_what_there_is(tell, language, words):
    rows = tell(f"/admin {words}", language).text.splitlines()

    assert rows[0] == say(language, "admin-help")
    assert [row.split(" – ")[0].strip() for row in rows[1:]] == [f"/admin {k} {v}".rstrip() for k, v in ARGUMENTS.items()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "words",
    [
        *("reset", "reset yes", "reset 5 6", "persona", "persona 1001", "persona tycho 1001 x", "block", "block 1 2"),
        *("unblock", "allow", "invite 5", "stats now", "dead show", "dead dance t9", "dead drop", "dead list 5"),
        "dead replay a b",
    ],
)
def test_words_that_make_no_sense_get_the_way_it_is_written(tell, front, language, words):
    name = words.split(" ")[0]
    usage = say(language, "admin-usage-line", usage=f"/admin {name} {ARGUMENTS[name]}".rstrip())

    text = tell(f"/admin {words}", language).text

    reason = "not-an-id" if words == "persona tycho 1001 x" else "usage"
    assert text == f"{say(language, f'admin-{reason}')}\n{usage}"
    assert log(front) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("whom", ["ann", "@ann", "{evil}", "a:b", "9" * 65, "12x"])
def test_what_is_no_user_id_is_told_so(tell, front, language, whom):
    assert tell(f"/admin block {whom}", language).text.startswith(say(language, "admin-not-an-id"))
    assert front.access.listed(SURFACE) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_reset_asks_first_and_then_forgets_all_of_a_person(tell, front, remember, memory, language):
    remember(talk(ANN), talk(ANN, GROUP), talk(BOB, GROUP))

    question = tell(f"/admin reset {ANN}", language)
    [choice] = question.choices
    what = say(language, "admin-reset-what", whom=person(language))
    assert question.text == say(language, "admin-sure", what=what, command=f"/admin reset {ANN} yes")
    assert (choice.label, choice.command) == (say(language, "admin-yes"), f"/admin reset {ANN} yes")
    assert (memory.num_turns(talk(ANN)), log(front)) == (1, [])

    assert tell(choice.command, language).text == say(language, "admin-reset-done", whom=person(language), turns=2)
    assert [memory.num_turns(one) for one in (talk(ANN), talk(ANN, GROUP), talk(BOB, GROUP))] == [0, 0, 1]
    assert log(front) == [("telegram:2", "reset", f"person:{ANN}", "2")]


def test_reset_of_a_person_takes_their_words_out_of_what_they_share_and_leaves_the_others(tell, front, inbox, leases, memory):
    everybody = talk(ANN, GROUP).shared
    for speaker in (ANN, BOB):
        said = incoming(f"said by {speaker}", everybody)
        inbox.accept(replace(said, line=replace(said.line, speaker=speaker)))
        lease = leases.acquire(everybody)
        leases.commit(lease, finished(everybody), replace(turn(), lines=lease.lines), "append")

    assert tell(f"/admin reset {ANN} yes").text == say("en", "admin-reset-done", whom=person("en"), turns=1)

    assert [one.lines[0].text for one in memory.recent(everybody)] == [f"said by {BOB}"]


def test_reset_of_a_chat_forgets_everybodys_talk_there_and_nothing_elsewhere(tell, front, remember, memory, inbox):
    remember(talk(ANN, GROUP), talk(BOB, GROUP, "7"), talk(ANN), talk(ANN, "-90"), talk(ADMIN, "-99", GROUP))
    inbox.accept(incoming(conversation=talk("1003", GROUP)))

    answer = tell("/admin reset chat yes", chat=GROUP)

    assert answer.text == say("en", "admin-reset-done", whom=f"chat {GROUP}", turns=2)
    left = [talk(ANN, GROUP), talk(BOB, GROUP, "7"), talk(ANN), talk(ANN, "-90"), talk(ADMIN, "-99", GROUP)]
    assert [memory.num_turns(one) for one in left] == [0, 0, 1, 1, 1]
    assert inbox.num_waiting(talk("1003", GROUP)) == 0, "and what only waited"
    assert log(front) == [("telegram:2", "reset", f"chat:{GROUP}", "2")]


def test_reset_of_a_chat_by_an_admin_spares_the_owner(tell, remember, memory):
    remember(talk(OWNER, GROUP), talk(ANN, GROUP))

    tell("/admin reset chat yes", chat=GROUP)
    assert (memory.num_turns(talk(OWNER, GROUP)), memory.num_turns(talk(ANN, GROUP))) == (1, 0)

    tell(f"/admin reset chat {GROUP} yes", person=OWNER)
    assert memory.num_turns(talk(OWNER, GROUP)) == 0


@pytest.mark.parametrize("words", [f"reset @{ANN} yes", f"reset yes @{ANN}", f"reset <@{ANN}> yes", f"reset <@!{ANN}> 是"])
def test_a_mention_is_who_wherever_it_stands(tell, remember, memory, words):
    remember(talk(ANN))

    tell(f"/admin {words}")

    assert memory.num_turns(talk(ANN)) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_persona_is_chosen_for_a_person_or_a_chat(tell, front, people, language):
    title = front.personas.get("tycho").title
    done = say(language, "admin-persona-done", whom=person(language), title=title)
    assert tell(f"/admin persona {ANN} Tycho", language).text == done
    assert tell(f"/admin persona xiaoman @{BOB}", language, chat=GROUP).text.count("小满") == 1
    tell("/admin persona chat xiaoman", language, chat=GROUP)

    assert people.preferences(talk(ANN)).persona == "tycho"
    assert people.preferences(talk("1003", GROUP)).persona == "xiaoman"
    unknown = say(language, "persona-unknown", name="nobody", names="default, tycho, xiaoman")
    assert tell(f"/admin persona {ANN} nobody", language).text == unknown
    assert [(what, whom, value) for _, what, whom, value in log(front)] == [
        ("persona", f"person:{ANN}", "tycho"),
        ("persona", f"person:{BOB}", "xiaoman"),
        ("persona", f"chat:{GROUP}", "xiaoman"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("words", "kind", "id"),
    [
        (ANN, "person", ANN),
        ("chat", "chat", GROUP),
        ("chat -7", "chat", "-7"),
        ("server", "server", "77"),
        ("server 5", "server", "5"),
    ],
)
def test_what_is_put_on_or_off_the_lists_takes_effect_in_every_process(tell, front, make_front, language, words, kind, id):
    elsewhere, subject = make_front(**ROLES), Subject(SURFACE, kind, id)
    whom = say(language, f"subject-{kind}", id=id)

    assert tell(f"/admin block {words}", language, chat=GROUP, server="77").text == say(language, "admin-block-done", whom=whom)
    assert elsewhere.access.is_on(subject, "block")
    answer = tell(f"/admin unblock {words}", language, chat=GROUP, server="77").text
    assert answer == say(language, "admin-unblock-done", whom=whom)
    answer = tell(f"/admin unblock {words}", language, chat=GROUP, server="77").text
    assert answer == say(language, "admin-unblock-none", whom=whom)
    assert tell(f"/admin allow {words}", language, chat=GROUP, server="77").text == say(language, "admin-allow-done", whom=whom)

    assert elsewhere.access.listed(SURFACE) == [f"allow:{subject}"]
    answer = tell(f"/admin disallow {words}", language, chat=GROUP, server="77").text
    assert answer == say(language, "admin-disallow-done", whom=whom)
    answer = tell(f"/admin disallow {words}", language, chat=GROUP, server="77").text
    assert answer == say(language, "admin-disallow-none", whom=whom)

    assert elsewhere.access.listed(SURFACE) == []
    assert [(what, whom) for _, what, whom, _ in log(front)] == [
        (what, str(subject)) for what in ("block", "unblock", "unblock", "allow", "disallow", "disallow")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chat_without_a_server_is_told_so(tell, language):
    assert tell("/admin block server", language).text.startswith(say(language, "admin-no-server"))


@pytest.mark.parametrize("words", [f"block {ANN}", "block chat"])
def test_a_block_ends_the_reply_that_is_being_made_and_drops_what_waits(tell, inbox, leases, words):
    making, waiting = talk(ANN, GROUP), talk(ANN, GROUP, "7")
    inbox.accept(incoming(conversation=making))
    lease = leases.acquire(making)
    inbox.accept(incoming(conversation=waiting))
    inbox.accept(incoming(conversation=talk(BOB)))

    tell(f"/admin {words}", chat=GROUP)

    assert leases.renew(lease) == "stop"
    assert (inbox.num_waiting(waiting), inbox.num_waiting(talk(BOB))) == (0, 1)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", [f"reset {OWNER} yes", f"persona {OWNER} tycho", f"block {OWNER}"])
def test_an_admin_can_do_nothing_to_an_owner(tell, front, remember, memory, people, language, words):
    remember(talk(OWNER))

    assert tell(f"/admin {words}", language).text == say(language, "admin-owner")

    assert (memory.num_turns(talk(OWNER)), people.preferences(talk(OWNER)).persona) == (1, None)
    assert front.access.listed(SURFACE) == []
    assert log(front) == [("telegram:2", f"refused {words.split(' ')[0]}", "", "")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("whom", [OWNER, ADMIN])
def test_nobody_blocks_an_owner_or_admin_since_it_would_do_nothing(tell, front, language, whom):
    assert tell(f"/admin block {whom}", language, person=OWNER).text == say(language, "admin-above-lists")
    assert front.access.listed(SURFACE) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_invite_is_for_the_admins_eyes_and_the_log_does_not_have_it(tell, front, language):
    answer = tell("/admin invite", language, chat=GROUP)

    code = answer.text.split()[-1]
    assert answer.private
    assert answer.text == say(language, "admin-invite-done", code=code, days=7)
    assert log(front) == [("telegram:2", "invite", "", "")]
    assert front.access.redeem(talk(ANN), code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_stats_say_how_it_goes_and_nothing_of_what_was_done(tell, front, store, inbox, letter, language):
    front.audit.write(SURFACE, "telegram:1", "block", "person:666")
    assert say(language, "admin-stats-no-worker") in tell("/admin stats", language).text

    Presence(store).announce(WorkerState("m-1-a", "ready", "", "echo", "tiny", 4, 1))
    inbox.accept(incoming(conversation=talk(BOB)))
    day = store.redis.time()[0] // 86400
    for one, tokens, on in ((ANN, 30, day), (BOB, 12, day), ("1003", 500, day - 1)):
        store.redis.zadd(f"companion:{{{SURFACE}}}:people", {one: on * 86_400_000 + 5})
        store.redis.hset(f"companion:{{{SURFACE}}}:usage:{one}", mapping={"day": on, "tokens_today": tokens})

    text = tell("/admin stats", language).text

    assert text.splitlines() == [
        say(language, "admin-stats-worker", model="tiny", stage="ready", busy=1, slots=4),
        say(language, "admin-stats-waiting", count=1),
        say(language, "admin-stats-people", count=3),
        say(language, "admin-stats-dead", count=1),
        say(language, "admin-stats-tokens", count=42),
    ]
    assert "666" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_put_aside_is_shown_without_its_words(tell, letter, language):
    row = say(language, "admin-letter", id="t9", whom=ANN, count=1)
    count = say(language, "admin-stats-dead", count=1)

    assert tell("/admin dead", language).text == tell("/admin dead list", language).text == f"{count}\n{row}"
    assert tell("/admin dead show t9", language).text == f"{row}\n{say(language, 'admin-letter-words')}"
    assert "poison" not in tell("/admin dead show t9", language).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_put_aside_is_answered_after_all(tell, front, letter, inbox, language):
    assert tell("/admin dead replay t9", language).text == say(language, "admin-replay-done")

    assert inbox.num_waiting(talk(ANN)) == 1
    assert front.wakeups.sent == [talk(ANN)]
    assert log(front) == [("telegram:2", "dead replay", str(talk(ANN)), "t9")]
    assert tell("/admin dead replay t9", language).text == say(language, "admin-no-letter")


def test_a_broker_that_fails_does_not_fail_the_admin(tell, front, letter, inbox):
    def send(conversation):
        raise ConnectionError

    front.wakeups.send = send

    assert tell("/admin dead replay t9").text == say("en", "admin-replay-done")
    assert inbox.num_waiting(talk(ANN)) == 1


_WORDS = st.sampled_from([*ARGUMENTS, "list", "show", "drop", "chat", "server", "yes", "t9", "7", "-7", "@7", "<@!7>", "tycho"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_WORDS | st.text(min_size=1, max_size=8), max_size=5), server=st.none() | st.just("77"))
def test_whatever_an_admin_writes_is_answered_in_words(tell, words, server):
    answer = tell(f"/admin {' '.join(words)}", server=server)

    assert answer.text
    assert answer.private


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_put_aside_is_thrown_away_after_a_yes(tell, front, letter, language):
    question = tell("/admin dead drop t9", language)
    what = say(language, "admin-drop-what", whom=ANN, count=1)
    assert question.text == say(language, "admin-sure", what=what, command="/admin dead drop t9 yes")
    assert len(front.dead.all(SURFACE)) == 1

    assert tell(question.choices[0].command, language).text == say(language, "admin-drop-done")
    assert front.dead.all(SURFACE) == []
    assert log(front) == [("telegram:2", "dead drop", str(talk(ANN)), "t9")]
    assert tell("/admin dead show t9", language).text == say(language, "admin-no-letter")


def test_no_word_that_anybody_said_is_in_the_log(tell, store, remember, letter):
    remember(talk(ANN))
    for words in (f"reset {ANN} yes", f"block {ANN}", f"allow {ANN}", "invite", "dead drop t9 yes", "poison"):
        tell(f"/admin {words}")
    tell("/admin poison poison", person=BOB)

    entries = store.redis.xrange(f"companion:{{{SURFACE}}}:audit") + store.redis.xrange(
        f"companion:{{{SURFACE}}}:audit-refused"
    )
    assert entries
    assert b"poison" not in b"".join(value for _, fields in entries for value in fields.values())
    assert b"hello" not in b"".join(value for _, fields in entries for value in fields.values())


def test_at_a_terminal_of_ones_own_one_is_the_owner_and_names_are_ids(make_front):
    front = make_front()
    here = Conversation("console", "local", "ann", "0", "ann")

    answer = commands.run(front, parse(incoming("/admin block bob", here), "en"))

    assert answer.text == say("en", "admin-above-lists"), "who sits at the terminal is above the lists too"
    answer = commands.run(front, parse(incoming("/admin persona bob tycho", here), "en"))
    assert "person bob" in answer.text
    [entry] = front.audit.last("console:local", 5)
    assert (entry.who, entry.whom) == ("console:ann", "person:bob")
