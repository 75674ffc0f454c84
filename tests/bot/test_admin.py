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

    kept = json.loads(result.stdout)
    assert kept == json.loads(json.dumps(people.export(talk("1")))) | {"lists": [], "admin_log": []}
    assert len(kept["conversations"]) == 2


def test_export_from_the_shell_tells_the_lists_and_the_log_as_in_a_chat(companion):
    companion("admin", "allow", f"{SURFACE}:1")
    companion("admin", "block", f"{SURFACE}:2")

    kept = json.loads(companion("export", str(talk("1"))).stdout)

    assert kept["lists"] == ["allow"]
    assert [(entry["what"], entry["whom"]) for entry in kept["admin_log"]] == [("allow", "person:1")]


def test_no_line_of_help_is_cut_off(companion):
    for command in ((), ("admin",), ("admin", "dead"), ("persona",), ("model",)):
        text = companion(*command, "--help").stdout
        assert "..." not in text.partition("Commands:")[2], text


def test_export_without_a_name_is_of_whoever_sits_here(companion):
    assert json.loads(companion("export").stdout)["conversations"] == []


def test_forget_asks_first_and_does_nothing_without_a_yes(companion, inbox, leases, memory):
    remember(inbox, leases, talk())

    assert companion("forget", str(talk()), input="n\n").exit_code == 1
    assert memory.num_turns(talk()) == 1

    assert companion("forget", str(talk()), input="y\n").output.endswith("forgotten: 1 turn\n")
    assert memory.num_turns(talk()) == 0


def test_forget_with_yes_erases_the_person_everywhere_and_nobody_else(companion, inbox, leases, memory):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"), talk("2", chat="-9"))

    assert companion("forget", "--yes", str(talk("1"))).stdout == "forgotten: 2 turns\n"

    left = [memory.num_turns(conversation) for conversation in (talk("1"), talk("1", chat="-9"), talk("2", chat="-9"))]
    assert left == [0, 0, 1]


def test_reset_forgets_one_conversation(companion, inbox, leases, memory):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"))

    assert companion("admin", "reset", "--yes", str(talk("1"))).stdout == "forgotten: 1 turn\n"
    assert (memory.num_turns(talk("1")), memory.num_turns(talk("1", chat="-9"))) == (0, 1)


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_what_cannot_be_taken_back_asks_first_as_it_does_in_a_chat(companion, inbox, leases, memory, letter, dead, answer):
    remember(inbox, leases, talk("1"))
    commands = (
        ("reset", f"{SURFACE}:1"),
        ("reset", str(talk("1"))),
        ("reset", "--chat", f"{SURFACE}:1"),
        ("dead", "drop", letter),
    )

    for command in commands:
        result = companion("admin", *command, input=answer)
        assert result.exit_code == 1
        assert "cannot be taken back" in result.output
    assert (memory.num_turns(talk("1")), len(dead.all(SURFACE))) == (1, 1)
    assert entries(companion) == []

    for command in commands[1:]:
        assert companion("admin", *command, input="y\n").exit_code == 0
    assert (memory.num_turns(talk("1")), dead.all(SURFACE)) == (0, [])


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
    with pytest.raises(CompanionError, match="not a person or conversation: 'ann'; write PLATFORM:BOT:ID, such as"):
        companion("admin", "reset", "ann")


@pytest.mark.parametrize(
    "command",
    [
        ("export", "telegram:43:1"),
        ("forget", "--yes", "telegram:43:1:0:1"),
        ("admin", "block", "telegram:43:1"),
        ("admin", "invite", "telegram:43"),
        ("admin", "conversations", "--surface", "telegram:43"),
    ],
)
def test_a_bot_account_that_is_not_known_here_is_told_and_nothing_is_written(companion, store, command):
    store.add_surface("console:local")
    before = set(store.redis.keys())

    with pytest.raises(CompanionError) as refusal:
        companion(*command)

    assert str(refusal.value) == f"no bot account telegram:43 has run on this Redis; those that have: console:local, {SURFACE}"
    assert set(store.redis.keys()) - before <= {b"companion:memory-key-check"}


def test_before_any_bot_has_run_people_can_be_invited_already(companion, store):
    store.redis.delete("companion:surfaces")

    assert "good for one person" in companion("admin", "invite", SURFACE).stdout


def test_a_person_is_named_alike_everywhere(companion, inbox, leases, memory):
    remember(inbox, leases, talk("1"), talk("1", chat="-9"))

    assert len(json.loads(companion("export", f"{SURFACE}:1").stdout)["conversations"]) == 2
    assert companion("forget", "--yes", f"{SURFACE}:1").stdout == "forgotten: 2 turns\n"


def test_a_conversation_is_no_server(companion, store):
    with pytest.raises(CompanionError, match="a server is written PLATFORM:BOT:ID"):
        companion("admin", "block", "--server", str(talk("1", chat="-9")))
    assert not store.redis.exists(f"companion:{{{SURFACE}}}:access")


@pytest.mark.parametrize(
    ("command", "remark"), [(("dead", "list"), "nothing was put aside"), (("audit",), "nothing is in the audit log yet")]
)
def test_an_empty_list_says_so_beside_the_output(companion, command, remark):
    result = companion("admin", *command)

    assert (result.stdout, result.stderr) == ("", f"{remark}\n")


def test_what_was_put_aside_is_listed_without_its_words_and_shown_with_them(companion, letter):
    assert companion("admin", "dead", "list").stdout == f"t9  {talk()}  1 line\n"
    assert companion("admin", "dead", "show", letter).stdout == "Ann: poison\n"


def test_what_somebody_wrote_is_shown_but_nothing_of_it_is_obeyed_by_the_terminal(companion, inbox, leases):
    inbox.accept(incoming("one\x1b]0;mine\x07\r\n\tover\rtwo \x9b2J 👩\u200d🚀 你好"))
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t9", "1", "put_aside"), put_aside=True)

    assert companion("admin", "dead", "show", "t9").stdout == "Ann: one?]0;mine?\n\tover?two ?2J 👩\u200d🚀 你好\n"


def test_what_was_put_aside_can_be_answered_after_all(companion, letter, leases, store):
    assert companion("admin", "dead", "replay", letter).stdout == "put back into its inbox\n"

    assert [said.text for said in leases.acquire(talk()).lines] == ["poison"]
    assert store.redis.llen("companion:companion") == 1, "and a worker is woken"
    assert companion("admin", "dead", "list").stdout == ""


def test_what_was_put_aside_can_be_thrown_away(companion, letter, leases):
    assert companion("admin", "dead", "drop", "--yes", letter).stdout == "dropped\n"

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


def entries(companion, num=20):
    """The audit log as the shell shows it, without times."""
    return [row.split("  ", 1)[1] for row in companion("admin", "audit", "--last", str(num)).stdout.splitlines()]


@pytest.fixture
def me(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    return f"{SURFACE}  shell:ann "


def test_reset_forgets_all_of_a_person_or_all_in_a_chat(companion, inbox, leases, memory, me):
    everybody = [talk("1"), talk("1", chat="-9"), talk("2", chat="-9"), talk("3", chat="-9"), talk("3")]
    remember(inbox, leases, *everybody)

    assert companion("admin", "reset", "--yes", f"{SURFACE}:1").stdout == "forgotten: 2 turns\n"
    assert companion("admin", "reset", "--yes", "--chat", f"{SURFACE}:-9").stdout == "forgotten: 2 turns\n"

    assert [memory.num_turns(one) for one in everybody] == [0, 0, 0, 0, 1]
    assert entries(companion) == [f"{me} reset person:1 2", f"{me} reset chat:-9 2"]


@pytest.mark.parametrize(
    ("option", "id", "subject"), [((), "7", "person:7"), (("--chat",), "-9", "chat:-9"), (("--server",), "77", "server:77")]
)
def test_all_that_the_lists_can_do_from_the_shell(companion, store, me, option, id, subject):
    lists = f"companion:{{{SURFACE}}}:access"

    assert companion("admin", "block", *option, f"{SURFACE}:{id}").stdout == f"blocked: {subject}\n"
    assert store.redis.hkeys(lists) == [f"block:{subject}".encode()]
    assert companion("admin", "unblock", *option, f"{SURFACE}:{id}").stdout == f"no longer blocked: {subject}\n"
    assert companion("admin", "unblock", *option, f"{SURFACE}:{id}").stdout == f"was not blocked: {subject}\n"
    assert companion("admin", "allow", *option, f"{SURFACE}:{id}").stdout == f"allowed: {subject}\n"

    assert store.redis.hkeys(lists) == [f"allow:{subject}".encode()]
    assert companion("admin", "disallow", *option, f"{SURFACE}:{id}").stdout == f"no longer allowed: {subject}\n"
    assert companion("admin", "disallow", *option, f"{SURFACE}:{id}").stdout == f"was not allowed: {subject}\n"

    assert store.redis.hkeys(lists) == []
    deeds = ("block", "unblock", "unblock", "allow", "disallow", "disallow")
    assert entries(companion) == [f"{me} {what} {subject}" for what in deeds]


def test_whoever_is_named_in_the_settings_is_not_blocked_from_the_shell_either(companion, store, monkeypatch):
    monkeypatch.setenv("COMPANION_ADMINS", "telegram:7")

    with pytest.raises(CompanionError, match="take them out of the settings first"):
        companion("admin", "block", f"{SURFACE}:7")
    assert not store.redis.exists(f"companion:{{{SURFACE}}}:access")


def test_the_shell_is_an_owners(companion, people, monkeypatch):
    monkeypatch.setenv("COMPANION_OWNERS", "telegram:7")

    assert companion("admin", "persona", f"{SURFACE}:7", "tycho").stdout == "person now talks with tycho\n"
    assert people.preferences(talk("7")).persona == "tycho"


def test_an_invite_from_the_shell_lets_one_in(companion, store, me):
    from bot.core.access import Access
    from bot.core.settings import load

    code = companion("admin", "invite", SURFACE).stdout.split()[0]

    assert Access(store, load()).redeem(talk("7"), code)
    assert entries(companion) == [f"{me} invite"]
    with pytest.raises(CompanionError, match="not a bot account: 'telegram'"):
        companion("admin", "invite", "telegram")


def test_stats_of_every_bot_account(companion, store, inbox, letter):
    from bot.core.presence import Presence, WorkerState

    inbox.accept(incoming(conversation=talk("7")))
    store.add_surface("discord:9")
    rows = companion("admin", "stats").stdout.splitlines()
    assert rows == [
        "no worker is alive",
        "discord:9: 0 waiting, 0 put aside, 0 tokens today",
        f"{SURFACE}: people known: 2, 1 waiting, 1 put aside, 0 tokens today",
    ]

    Presence(store).announce(WorkerState("m-1-a", "ready", "", "echo", "tiny", 4, 1))
    assert companion("admin", "stats").stdout.splitlines()[0] == "worker m-1-a: tiny, ready, 1 of 4 replies at work"


def test_the_audit_log_shows_the_last_entries_of_all_bots_oldest_first(companion, store, letter, me):
    store.add_surface("discord:9")
    companion("admin", "allow", f"{SURFACE}:1")
    companion("admin", "allow", "discord:9:2")
    companion("admin", "dead", "show", letter)
    companion("admin", "dead", "drop", "--yes", letter)

    assert entries(companion, 3) == [
        "discord:9  shell:ann  allow person:2",
        f"{me} dead show {talk()} t9",
        f"{me} dead drop {talk()} t9",
    ]
    assert "poison" not in companion("admin", "audit").stdout


def test_a_user_without_a_name_is_known_by_their_number(companion, monkeypatch):
    """As in a container that runs as any user."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)

    companion("admin", "allow", f"{SURFACE}:1")

    assert entries(companion, 1) == [f"{SURFACE}  shell:54321  allow person:1"]
    assert json.loads(companion("export").stdout)["person"] == "54321"


def test_what_was_done_before_a_bot_first_runs_is_in_the_log(companion, store, me):
    store.redis.delete("companion:surfaces")

    companion("admin", "block", f"{SURFACE}:1")

    assert entries(companion) == [f"{me} block person:1"]


def test_to_read_or_erase_somebody_is_in_the_log_too(companion, inbox, leases, me):
    remember(inbox, leases, talk("1"))

    companion("export", str(talk("1")))
    companion("forget", "--yes", str(talk("1")))

    assert entries(companion) == [f"{me} export person:1", f"{me} forget person:1 1"]


@pytest.mark.parametrize("command", ["reset", "block", "unblock", "allow", "disallow"])
@pytest.mark.parametrize("whom", ["ann", "telegram:42", "telegram:42:{x}", "a:b:c:d", "::"])
def test_whom_must_be_somebody(companion, command, whom):
    with pytest.raises(CompanionError, match=r"not a person or conversation: .*; write PLATFORM:BOT:ID"):
        companion("admin", command, whom)
