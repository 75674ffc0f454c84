"""The operator's commands, on real stores."""

import json

import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.core.errors import CompanionError, UnknownPersona
from bot.core.messages import Failed
from bot.core.people import Preferences
from bot.core.vault import Vault, master_key
from tests.sayings import SURFACE, finished, incoming, talk, turn


@pytest.fixture
def vault(store, tmp_path):
    """The key that the command will find too."""
    from bot.core.settings import load

    return Vault(store, master_key(load(data_dir=tmp_path / "data")))


@pytest.fixture
def companion(redis_server, store, vault, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_REDIS_URL", redis_server.url)
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path / "data"))
    store.add_surface(SURFACE)

    def run(*arguments, input=None):
        result = CliRunner().invoke(cli, arguments, input=input)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def letter(inbox, leases):
    inbox.accept(incoming("poison"))
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t9", "1", "put_aside"), put_aside=True)
    return "t9"


def remember(inbox, leases, *conversations):
    for conversation in conversations:
        inbox.accept(incoming(conversation=conversation))
        leases.commit(leases.acquire(conversation), finished(conversation), turn(), "append")


def test_export_writes_everything_of_the_person_as_json(companion, inbox, leases, people):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"), talk("2"))

    result = companion("export", str(talk("1")))

    assert json.loads(result.stdout) == json.loads(json.dumps(people.export(talk("1"))))
    assert len(json.loads(result.stdout)["conversations"]) == 2


def test_export_without_a_name_is_of_whoever_sits_here(companion):
    assert json.loads(companion("export").stdout)["conversations"] == []


def test_forget_asks_first_and_does_nothing_without_a_yes(companion, inbox, leases, memory):
    remember(inbox, leases, talk())

    assert companion("forget", str(talk()), input="n\n").exit_code == 1
    assert memory.num_turns(talk()) == 1

    assert companion("forget", str(talk()), input="y\n").output.endswith("forgotten: 1 turns\n")
    assert memory.num_turns(talk()) == 0


def test_forget_with_yes_erases_the_person_everywhere_and_nobody_else(companion, inbox, leases, memory):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"), talk("2", chat="-9"))

    assert companion("forget", "--yes", str(talk("1"))).stdout == "forgotten: 2 turns\n"

    left = [memory.num_turns(conversation) for conversation in (talk("1"), talk("1", chat="-9"), talk("2", chat="-9"))]
    assert left == [0, 0, 1]


def test_reset_forgets_one_conversation(companion, inbox, leases, memory):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"))

    assert companion("admin", "reset", str(talk("1"))).stdout == "forgotten: 1 turns\n"
    assert (memory.num_turns(talk("1")), memory.num_turns(talk("1", chat="-9"))) == (0, 1)


def test_persona_chooses_for_a_person_or_for_a_chat(companion, people):
    group = talk("1", chat="-9")

    assert companion("admin", "persona", str(group), "tycho").stdout == "person now talks with tycho\n"
    assert companion("admin", "persona", "--chat", str(group), "xiaoman").stdout == "chat now talks with xiaoman\n"

    assert people.preferences(group) == Preferences(persona="tycho")
    assert people.preferences(talk("2", chat="-9")) == Preferences(persona="xiaoman")


def test_an_unknown_persona_is_refused(companion, people):
    with pytest.raises(UnknownPersona, match="default, tycho, xiaoman"):
        companion("admin", "persona", str(talk()), "nobody")
    assert people.preferences(talk()) == Preferences()


def test_what_is_no_conversation_is_refused(companion):
    with pytest.raises(CompanionError, match="not a conversation: 'ann'"):
        companion("admin", "reset", "ann")


def test_what_was_put_aside_is_listed_without_its_words_and_shown_with_them(companion, letter):
    assert companion("admin", "dead", "list").stdout == f"t9  {talk()}  1 line(s)\n"
    assert companion("admin", "dead", "show", letter).stdout == "Ann: poison\n"


def test_what_was_put_aside_can_be_answered_after_all(companion, letter, leases, store):
    assert companion("admin", "dead", "replay", letter).stdout == "put back into its inbox\n"

    assert [said.text for said in leases.acquire(talk()).lines] == ["poison"]
    assert store.redis.llen("companion:companion") == 1, "and a worker is woken"
    assert companion("admin", "dead", "list").stdout == ""


def test_what_was_put_aside_can_be_thrown_away(companion, letter, leases):
    assert companion("admin", "dead", "drop", letter).stdout == "dropped\n"

    assert companion("admin", "dead", "list").stdout == ""
    assert leases.acquire(talk()) is None


@pytest.mark.parametrize("command", ["show", "replay", "drop"])
def test_what_was_not_put_aside_is_refused(companion, command):
    with pytest.raises(CompanionError) as refusal:
        companion("admin", "dead", command, "nothing")
    assert str(refusal.value) == "no line was put aside as 'nothing'; `companion admin dead list` shows those that were"


def test_personas_are_listed_and_shown(companion):
    assert [row.split()[0] for row in companion("persona", "list").stdout.splitlines()] == ["default", "tycho", "xiaoman"]
    shown = companion("persona", "show", "xiaoman").stdout
    assert shown.startswith("小满 (xiaoman, zh)")
    assert "{{" not in shown
