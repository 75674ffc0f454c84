"""What operators read where their terminal speaks Chinese: no command leaves them with a line of English alone."""

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import bot
from bot.cli import cli
from bot.conduct import Conduct
from bot.core.errors import CompanionError
from bot.core.messages import Failed
from bot.core.personas import Personas
from bot.core.presence import Presence, WorkerState
from bot.core.settings import load
from bot.core.vault import Vault, master_key
from bot.doctor import _conduct
from bot.redis_doctor import redis_checks
from tests.sayings import SURFACE, finished, incoming, talk, turn

ROOT = Path(bot.__file__).parents[1]
HAN, LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]{2,}")
DATA = re.compile(
    r"""
      [ ]*[\[{"\]}].*                            # JSON
    | (?:telegram|console):\S+[ ][ \d.:kMBUTC-]+ # a row of a table
    | [\d-]{10}[ ][\d:]{8}[ ].*                  # the audit log
    | Ann:[ ].*                                  # what somebody wrote
    | cli[ ]\d.*                                 # the version
    | (?:default|tycho)[ ].*                     # a persona, in its own language
    """,
    re.VERBOSE,
)


def english(output):
    return [line for line in output.splitlines() if LATIN.search(line) and not HAN.search(line) and not DATA.fullmatch(line)]


@pytest.fixture(autouse=True)
def _chinese(monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")


@pytest.fixture
def vault(store, tmp_path):
    """The key that the command will find too."""
    return Vault(store, master_key(load(data_dir=tmp_path / "data")))


@pytest.fixture
def companion(redis_server, store, vault, monkeypatch, tmp_path):
    """Run a command; gives what is printed, or the words of the error that ends it."""
    monkeypatch.setenv("COMPANION_REDIS_URL", redis_server.url)
    monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COMPANION_ENGINE", "echo")
    store.add_surface(SURFACE)

    def run(*arguments, input="y\n"):
        result = CliRunner().invoke(cli, arguments, input=input)
        if isinstance(result.exception, CompanionError):
            return result.output + str(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), arguments
        return result.output

    return run


@pytest.fixture
def letter(inbox, leases):
    inbox.accept(incoming("poison"))
    leases.commit(leases.acquire(talk()), Failed(str(talk()), "t9", "1", "put_aside"), put_aside=True)
    return "t9"


@pytest.fixture
def passphrase(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery\n")
    return f"--passphrase-file={file}"


def all_commands(command=cli, path=()):
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from all_commands(below, (*path, name))


def test_the_help_of_every_command_is_chinese():
    """In a process of its own: the library makes the line about --help once and keeps it."""
    code = f"import bot.cli; [bot.cli.cli([*path, '--help'], standalone_mode=False) for path in {list(all_commands())!r}]"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=50, check=True)

    assert done.stdout.count("用法:") == len(list(all_commands()))
    assert english(done.stdout) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("nonsense",),
        ("admin", "blok"),
        ("admin", "block"),
        ("admin", "block", "--yess", "x"),
        ("admin", "audit", "--last", "0"),
        ("admin", "audit", "--last", "x"),
        ("admin", "restore", "--passphrase-file", "/nowhere", "x"),
        ("admin", "backup", "/tmp"),
        ("doctor", "foo"),
        ("export", "a", "b"),
        ("say", "--persona"),
        ("bot", "pigeon"),
        ("persona", "list"),
        ("persona", "show", "nobody"),
        ("discord", "invite"),
        ("admin", "block", "ann"),
        ("admin", "block", "telegram:43:1"),
        ("admin", "block", "--server", str(talk())),
        ("admin", "invite", "telegram"),
        ("admin", "invite", SURFACE),
        ("admin", "dead", "list"),
        ("admin", "dead", "show", "nothing"),
        ("admin", "audit"),
        ("admin", "stats"),
        ("doctor",),
        ("doctor", "redis"),
        ("doctor", "worker"),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_line_of_english_alone(companion, arguments):
    output = companion(*arguments)

    assert english(output) == []
    assert HAN.search(output) or arguments == ("--version",)


@pytest.mark.parametrize("id", [(), ("--chat",), ("--server",)])
def test_lists_are_told_in_chinese(companion, id):
    deeds = ("block", "unblock", "unblock", "allow", "disallow", "disallow")
    told = [companion("admin", deed, *id, f"{SURFACE}:7") for deed in deeds]

    kind = id[0].removeprefix("--") if id else "person"
    words = ("已屏蔽", "已解除屏蔽", "原本没有屏蔽", "已放行", "已收回放行", "原本没有放行")
    assert told == [f"{word}：{kind}:7\n" for word in words]


def test_whoever_stands_above_the_lists_is_told_so_in_chinese(companion, monkeypatch):
    monkeypatch.setenv("COMPANION_ADMINS", "telegram:7")
    assert companion("admin", "block", f"{SURFACE}:7").startswith("对方在设置里是所有者或管理员")


def test_what_is_said_with_somebody_is_forgotten_in_chinese(companion, inbox, leases):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")

    assert (
        companion("admin", "reset", str(talk()), input="n\n") == f"忘掉对话 {talk()} 吗？这一步无法撤销。 [y/N]: n\n已取消。\n"
    )
    assert companion("admin", "reset", f"{SURFACE}:{talk().person}").endswith("已忘记：1 轮对话\n")
    assert "永久清除" in companion("forget", str(talk()))
    assert companion("admin", "persona", str(talk()), "tycho") == "这个用户现在和 tycho 聊天\n"
    assert companion("admin", "persona", "--chat", str(talk()), "tycho") == "这个聊天现在和 tycho 聊天\n"
    assert english(companion("export", str(talk())) + companion("admin", "audit")) == []


def test_what_was_put_aside_is_handled_in_chinese(companion, letter):
    assert companion("admin", "dead", "list") == f"t9  {talk()}  1 条消息\n"
    assert english(companion("admin", "dead", "show", letter)) == []
    assert companion("admin", "dead", "drop", letter, input="n\n").startswith(f"丢弃 {talk()} 的 1 条消息吗？")
    assert companion("admin", "dead", "replay", letter) == "已放回收件箱，会再回答一次\n"


def test_workers_and_waiting_lines_are_told_in_chinese(companion, store, inbox):
    inbox.accept(incoming())
    for stage in ("loading", "ready", "restarting", "failed"):
        Presence(store).announce(WorkerState(f"{os.uname().nodename}-1-a", stage, "", "echo", "tiny", 4, 1))
        assert english(companion("admin", "stats") + companion("doctor", "worker")) == []
    assert "有 1 段对话在等回复" in companion("doctor")


def test_a_backup_is_made_and_restored_in_chinese(companion, store, inbox, leases, passphrase):
    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    Path("noise").write_text("noise")
    Path("short").write_text("x")

    told = [
        companion("admin", "conversations", "--top", "3"),
        companion("admin", "backup", passphrase, "file"),
        companion("admin", "backup", passphrase, "file"),
        companion("admin", "backup", "--passphrase-file=short", "other"),
        companion("admin", "restore", passphrase, "noise"),
        companion("admin", "restore", passphrase, "nowhere"),
        companion("admin", "restore", "--passphrase-file=short", "file"),
        companion("admin", "restore", passphrase, "file"),
        companion("admin", "restore", "--replace", passphrase, "file"),
    ]
    Presence(store).announce(WorkerState("m-1-a", "ready", "", "echo", "tiny", 4, 1))
    told.append(companion("admin", "restore", passphrase, "file"))
    Path("data/memory.key").write_text(base64.b64encode(b"x" * 32).decode())
    told.append(companion("admin", "restore", "--force", passphrase, "file"))
    told.append(companion("admin", "stats"))

    assert [english(text) for text in told] == [[]] * len(told)
    assert all(HAN.search(text) for text in told)


def test_columns_stand_below_each_other_though_chinese_letters_are_wide(companion, inbox, leases):
    from bot.admin.store import _width

    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    lines = companion("admin", "conversations").splitlines()

    assert len({_width(line) for line in lines}) == 1


@pytest.mark.parametrize("stage", ["nothing", "snapshots", "evicting"])
def test_a_redis_that_is_set_up_wrongly_is_told_in_chinese(store, tmp_path, stage):
    name, value = {
        "nothing": ("appendonly", "no"),
        "snapshots": ("save", "3600 1"),
        "evicting": ("maxmemory-policy", "allkeys-lru"),
    }[stage]
    before = store.redis.config_get("*")
    store.redis.config_set("appendonly", "no" if stage != "evicting" else "yes")
    store.redis.config_set(name, value)
    try:
        told = "\n".join(map(str, redis_checks(store, load(data_dir=tmp_path))))
    finally:
        for changed in ("appendonly", name):
            store.redis.config_set(changed, before[changed])

    assert "FAIL" in told
    assert english(told) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOT", "3"),
        ("XYZZY", "3"),
        ("SLOTS", "many"),
        ("SLOTS", "0"),
        ("SLOTS", "9999"),
        ("AGE_HOURS", "0"),
        ("MERGE_SECONDS", "x"),
        ("ENGINE", "magic"),
        ("LOG_TEXT", "perhaps"),
        ("COUNTRY", "usa"),
        ("OWNERS", "me"),
        ("REDIS_URL", "http://x"),
        ("OPENAI_URLS", "x"),
        ("MEMORY_KEY", "short"),
        ("TELEGRAM_TOKEN", "x"),
        ("DISCORD_TOKEN", "x"),
        ("PERSONA", "nobody"),
        ("PERSONA_DIR", "nowhere"),
        ("CONDUCT_FILE", "nowhere"),
    ],
)
def test_a_wrong_setting_is_told_in_chinese(companion, monkeypatch, name, value):
    monkeypatch.setenv(f"COMPANION_{name}", value)
    told = companion("doctor"), companion("export"), companion("persona", "list"), companion("discord", "invite")

    assert [english(text) for text in told] == [[]] * 4


@pytest.mark.parametrize(
    "text", ["this is = no = toml", "nonsense = 1", "slots = []", "model = 1", "owners = 7", "persona_dir = 1", "slots = 1.5"]
)
def test_a_wrong_settings_file_is_told_in_chinese(companion, text):
    Path("companion.toml").write_text(text)

    assert english(companion("doctor") + companion("export")) == []


PIP = 'title = "Pip"\ndescription = "A parrot."\ngreeting = "Hi"\n'


@pytest.mark.parametrize(
    "content",
    [
        "title = ",
        'title = "Pip"\ngreeting = "Hi"',
        PIP + "temprature = 0.5",
        PIP + "temperature = 3",
        PIP + 'temperature = "0.5"',
        PIP + 'language = "de"',
        PIP + "style = 7",
        PIP + 'name = "polly"',
        PIP.replace("A parrot.", "x" * 1501),
        PIP.replace("A parrot.", " "),
        PIP.replace('"A parrot."', '"A\\n---\\nparrot."'),
        PIP.replace("Pip", "Pip\\nPop"),
        PIP + '[[examples]]\nuser = "hi"\ncompanion = "ho"\n' * 9,
        PIP + "examples = 3",
    ],
)
def test_a_wrong_persona_is_told_in_chinese(tmp_path, content):
    (tmp_path / "pip.toml").write_text(content)
    with pytest.raises(CompanionError) as told:
        Personas([tmp_path])

    assert english(str(told.value)) == []


@pytest.mark.parametrize(
    "content", ["signs = [", "signs = ['(']", "sings = []", "care = 'perhaps'", "[resources.US]\nen = 'a'"]
)
def test_wrong_rules_of_conduct_are_told_in_chinese(tmp_path, content):
    (tmp_path / "own.toml").write_text(content)
    with pytest.raises(CompanionError) as told:
        Conduct.of(tmp_path / "own.toml")

    assert english(str(told.value)) == []


@pytest.mark.parametrize("content", ["signs = []", "care = false", "disclosure = false", "care = false\ndisclosure = false"])
def test_what_the_operator_has_changed_is_told_in_chinese(tmp_path, content):
    (tmp_path / "own.toml").write_text(content)

    assert english(str(_conduct(load(conduct_file=tmp_path / "own.toml")))) == []


def test_a_redis_that_cannot_be_reached_is_told_in_chinese(companion, monkeypatch):
    monkeypatch.setenv("COMPANION_REDIS_URL", "redis://127.0.0.1:1/0")
    told = companion("export"), companion("doctor"), companion("doctor", "redis")

    assert [english(text) for text in told] == [[]] * 3
    assert told[0].startswith("连不上 Redis。")


def test_another_memory_key_is_told_in_chinese(companion, monkeypatch):
    companion("export")
    monkeypatch.setenv("COMPANION_MEMORY_KEY", base64.b64encode(b"x" * 32).decode())

    assert companion("export").startswith("记忆密钥打不开已存的内容。")
    assert english(companion("doctor")) == []


def test_a_start_is_told_in_chinese(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    environment |= {"COMPANION_DATA_DIR": str(tmp_path / "data"), "COMPANION_ENGINE": "echo"}
    with (tmp_path / "told").open("w") as told:
        process = subprocess.Popen([sys.executable, "-m", "bot", "up"], env=environment, stderr=told, stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: "没有适配器在运行" in (tmp_path / "told").read_text())
    finally:
        process.terminate()
        process.wait(40)

    lines = (tmp_path / "told").read_text().splitlines()
    assert english("\n".join(lines)) == []
    assert re.fullmatch(r"redis   [\d.]+ 秒后就绪，数据在 .*", lines[0])
    assert re.fullmatch(
        r"worker  [\d.]+ 秒后就绪，引擎 echo，模型 .*", next(line for line in lines if "秒后就绪，引擎" in line)
    )


def wait_for(condition, seconds=45):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.05)
