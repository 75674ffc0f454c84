"""What people can tell the bot itself, in both languages, through reception and the real stores."""

import pytest

from bot.commands import TABLE, Commands, for_platform, parse
from bot.core.messages import Conversation
from bot.core.personas import Personas
from bot.core.settings import load
from bot.i18n import say
from tests.sayings import finished, incoming, talk, turn

LANGUAGES = ["en", "zh"]


@pytest.fixture
def commands(inbox, memory, people):
    return Commands(inbox, memory, people, Personas(), load())


@pytest.fixture
def tell(commands):
    def run(text, language="en", conversation=None):
        return commands.run(parse(incoming(text, conversation), language))

    return run


@pytest.fixture
def end_turn(inbox, leases):
    def end(id="t1", said="hello", conversation=None):
        conversation = conversation or talk()
        inbox.accept(incoming(said, conversation))
        leases.commit(leases.acquire(conversation), finished(conversation, id), turn(id, said), "append")

    return end


def test_the_table_has_the_commands_that_were_promised():
    assert [command.name for command in TABLE] == [
        "help",
        "new",
        "reset",
        "persona",
        "think",
        "memory",
        "stop",
        "retry",
        "quit",
    ]
    assert "quit" not in [command.name for command in for_platform("telegram")]
    assert "quit" in [command.name for command in for_platform("console")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_lists_every_command_of_the_platform_with_its_argument(tell, language):
    assert tell("/help", language).text.splitlines() == [
        say(language, "help"),
        *(
            say(language, "help-line", name=name, what=say(language, f"command-{name.split()[0][1:]}"))
            for name in ("/help", "/new", "/reset", "/persona [NAME]", "/think [hide|show|off]", "/memory", "/stop", "/retry")
        ),
    ]
    assert tell("/start", language) == tell("/help", language), "what Telegram sends first"


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "I do not know /dance. /help shows what I understand."), ("zh", None)]
)
def test_an_unknown_command_points_to_help(tell, language, expected):
    assert tell("/dance", language).text == (expected or say("zh", "unknown-command", name="/dance"))
    assert tell("/quit", language).text == say(language, "unknown-command", name="/quit"), "there is no leaving Telegram"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["/quit", "/exit"])
def test_quit_leaves_the_terminal(tell, language, name):
    answer = tell(name, language, Conversation("console", "local", "ann", "0", "ann"))

    assert (answer.text, answer.leaves, answer.wakes) == (say(language, "console-bye"), True, False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_new_stops_the_reply_and_leans_on_nothing_that_was_said(tell, end_turn, inbox, leases, memory, language):
    end_turn()
    inbox.accept(incoming("another"))
    lease = leases.acquire(talk())

    assert tell("/new", language).text == say(language, "new-done")

    assert leases.renew(lease) == "stop"
    assert (memory.current(talk())[1], memory.num_turns(talk())) == ([], 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_reset_forgets_and_counts(tell, end_turn, memory, language):
    assert tell("/reset", language).text == say(language, "reset-done", turns=0)
    end_turn("t1")
    end_turn("t2")

    assert tell("/reset", language).text == say(language, "reset-done", turns=2)
    assert memory.recent(talk()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_persona_shows_chooses_and_refuses(tell, people, language):
    rows = tell("/persona", language).text.splitlines()
    default, tycho = Personas().get("default"), Personas().get("tycho")
    assert rows[0] == say(language, "persona-list", current=default.title)
    assert [row.split(" ")[0] for row in rows[1:]] == ["default", "tycho", "xiaoman"]
    assert "{{" not in "\n".join(rows)

    chosen = tell("/persona Tycho", language)
    assert chosen.text == "\n".join([say(language, "persona-chosen", title=tycho.title), tycho.greet("Ann")])
    assert people.preferences(talk()).persona == "tycho"
    assert tell("/persona", language).text.splitlines()[0] == say(language, "persona-list", current=tycho.title)

    refused = say(language, "persona-unknown", name="nobody", names="default, tycho, xiaoman")
    assert tell("/persona nobody", language).text == refused
    assert people.preferences(talk()).persona == "tycho"


def test_a_persona_that_was_chosen_and_then_taken_away_does_not_break_the_list(tell, people):
    people.choose(talk(), persona="removed")

    assert tell("/persona").text.splitlines()[0] == say("en", "persona-list", current=Personas().get("default").title)


@pytest.mark.parametrize("language", LANGUAGES)
def test_think_shows_chooses_and_refuses(tell, people, language):
    assert tell("/think", language).text == say(language, "think-now", mode="hide")
    for mode in ("show", "off", "hide"):
        assert tell(f"/think {mode}", language).text == say(language, "think-chosen", mode=mode)
        assert people.preferences(talk()).thinking == mode
    assert tell("/think harder", language).text == say(language, "think-unknown")
    assert tell("/think", language).text == say(language, "think-now", mode="hide")


@pytest.mark.parametrize("language", LANGUAGES)
def test_memory_says_how_much_since_when_and_what_was_left_out(tell, end_turn, language):
    assert tell("/memory", language).text == say(language, "memory-empty")
    end_turn("t1")
    end_turn("t2")

    expected = say(language, "memory", turns=2, oldest="1970-01-01 00:00 UTC", left_out=0)
    assert tell("/memory", language).text == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_says_what_there_was_to_stop(tell, inbox, leases, language):
    assert tell("/stop", language).text == say(language, "stop-idle")
    inbox.accept(incoming())
    assert tell("/stop", language).text == say(language, "stop-dropped")
    inbox.accept(incoming())
    leases.acquire(talk())
    assert tell("/stop", language).text == say(language, "stop-stopping")


@pytest.mark.parametrize("language", LANGUAGES)
def test_retry_wakes_a_worker_when_there_is_something_to_answer_again(tell, end_turn, language):
    assert tell("/retry", language).text == say(language, "retry-none")
    end_turn()

    answer = tell("/retry", language)
    assert (answer.text, answer.wakes) == ("", True)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/help", "help", ""),
        ("  /HELP  ", "help", ""),
        ("/help@companion_bot", "help", ""),
        ("/persona  Tycho ", "persona", "Tycho"),
        ("/think\nshow", "think", "show"),
    ],
)
def test_a_command_is_understood_however_it_is_written(text, name, argument):
    ask = parse(incoming(text), "en")

    assert (ask.name, ask.argument) == (name, argument)


@pytest.mark.parametrize(
    "text", ["/path/like text", "/", "/ help", "//help", "hello /help", "/1", "/usr/bin", "", "/a-b", "/…"]
)
def test_anything_else_is_talk(text):
    assert parse(incoming(text), "en") is None


def test_commands_of_one_person_in_a_group_touch_nobody_else(tell, end_turn, memory, people):
    ann, bob = talk("1", chat="-9"), talk("2", chat="-9")
    end_turn(conversation=ann)
    end_turn(conversation=bob)

    tell("/reset", conversation=ann)
    tell("/persona tycho", conversation=ann)

    assert (memory.num_turns(ann), memory.num_turns(bob)) == (0, 1)
    assert people.preferences(bob).persona is None
