"""Everything to one encrypted file, and from there to another machine: two Redis servers, two data folders."""

import gzip
import itertools
import json
import stat
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import redis.exceptions
from click.testing import CliRunner
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.adapters.console.surface import conversation_here
from bot.backup import Backup, CannotOpen, CannotRestore, CannotWrite, NotABackup, sealed
from bot.cli import cli
from bot.core.errors import CompanionError, WrongKey
from bot.core.lease import Leases
from bot.core.messages import Failed
from bot.core.presence import WorkerState
from bot.core.settings import load
from bot.core.store import Keys
from bot.embedded import EmbeddedRedis
from bot.run import open_front
from tests import programs
from tests.sayings import SURFACE, finished, incoming, talk, turn

PASSPHRASE = "correct horse battery"
ANN, BEN, GROUP = talk("1"), talk("2"), talk("1", chat="-9")


@pytest.fixture(autouse=True)
def _quick_scrypt(monkeypatch):
    monkeypatch.setattr(sealed, "_LOG_N", 4)


@pytest.fixture
def companion(monkeypatch, tmp_path):
    """Runs the command on the machine of that name."""
    (tmp_path / "pass").write_text(f"{PASSPHRASE}\n")

    def run(machine, *arguments, input=None, passphrase=tmp_path / "pass"):
        monkeypatch.setenv("COMPANION_DATA_DIR", str(tmp_path / machine))
        more = ["--passphrase-file", str(passphrase)] if passphrase and arguments[1] in ("backup", "restore") else []
        result = CliRunner().invoke(cli, [*map(str, arguments), *more], input=input)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def machine(tmp_path):
    """Opens the stores of the machine of that name; its Redis runs until the test ends."""
    opened = []

    def open_machine(name):
        data_dir = tmp_path / name
        server = EmbeddedRedis(data_dir)
        server.start()
        context = open_front(load(data_dir=data_dir, merge_seconds=0), server.url)
        front = context.__enter__()
        opened.append((server, context))
        front.store.add_surface(SURFACE)
        return front

    yield open_machine
    for server, context in reversed(opened):
        context.__exit__(None, None, None)
        server.stop()


def leases_of(front):
    return Leases(front.store, front.vault, lease_seconds=5, memory_turns=1000)


def answer(front, conversation, said, id, final=None):
    leases = leases_of(front)
    front.inbox.accept(incoming(said, conversation))
    leases.commit(leases.acquire(conversation), final or finished(conversation, id), turn(id, said), "append")


def live(front):
    """Two people, a group, a choice, a final under way, one begun, a dead letter, waiting lines, one being answered."""
    outbox = front.outbox(SURFACE)
    outbox.open()
    for number in range(3):
        answer(front, ANN, f"my secret is {number}", f"a{number}")
    begun, *_ = outbox.fresh(10)
    outbox.begin(begun)
    answer(front, GROUP, "we in the group", "g1")
    answer(front, BEN, "in Bens words", "b1")
    delivered = next(entry for entry in outbox.fresh(10) if entry.conversation == BEN)
    outbox.end(delivered, ["77"])
    leases = leases_of(front)
    front.inbox.accept(incoming("poison", BEN))
    leases.commit(leases.acquire(BEN), Failed(str(BEN), "d1", "1", "put_aside"), put_aside=True)
    front.inbox.accept(incoming("I still wait", BEN))
    front.inbox.accept(incoming("and so do I", ANN))
    leases.acquire(ANN)
    front.people.choose(ANN, persona="tycho", language="zh")
    front.people.choose_for_chat(GROUP, persona="xiaoman")
    others(front.store.redis)


def others(redis):
    """What parts of the program to come may keep."""
    redis.hset("companion:access", "telegram:7", "blocked")
    redis.xadd("companion:audit", {"who": "1", "did": "block"}, id="5-1")
    redis.zadd("companion:scores", {"a": 0.1, "b": float("inf"), "c": -1e300})
    redis.sadd("companion:codes", b"\x00\xff", "plain")
    redis.set("companion:window", "3", ex=600)
    redis.set("companion:empty", "")
    redis.rpush("companion:companion", "a wake-up")
    redis.sadd("companion:_kombu.binding.companion", "x")
    redis.set("somebody-else", "is not ours")


def state_of(front):
    exports = [front.people.export(person) for person in (ANN, BEN)]
    chat = front.people.preferences(talk("3", chat="-9"))
    return exports, chat, front.dead.all(SURFACE), front.inbox.waiting(ANN), front.memory.sent(BEN)


def keys_of(front):
    return {name.decode() for name in front.store.redis.scan_iter("*")}


@pytest.fixture
def saved(companion, machine, tmp_path):
    """A machine with people, and the backup of it."""
    old = machine("old")
    live(old)
    file = tmp_path / "all.backup"
    companion("old", "admin", "backup", file)
    return SimpleNamespace(front=old, file=file)


def test_everything_stands_on_the_other_machine_as_it_was(companion, machine, saved):
    told = companion("new", "admin", "restore", saved.file).stdout
    new = machine("new")

    assert told.startswith("restored: everything as it was on 20")
    assert state_of(new) == state_of(saved.front)
    assert len(state_of(new)[0][0]["conversations"]) == 2, "and there was something to compare"
    assert (saved.front.settings.data_dir / "memory.key").read_text() == (new.settings.data_dir / "memory.key").read_text()
    assert stat.S_IMODE((new.settings.data_dir / "memory.key").stat().st_mode) == 0o600


def test_who_made_a_backup_and_who_restored_one_is_in_the_audit_log(companion, machine, saved, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    companion("new", "admin", "restore", saved.file)
    new = machine("new")

    assert [(entry.what, entry.value[:2]) for entry in saved.front.audit.last(SURFACE, 9)] == [("backup", "")]
    assert [(one.who, one.what, one.value[:2]) for one in new.audit.last(SURFACE, 9)] == [("shell:ann", "restore", "20")]


def test_what_has_no_reader_yet_is_carried_too_and_what_was_of_the_moment_is_not(companion, machine, saved):
    companion("new", "admin", "restore", saved.file)
    new, old = machine("new").store.redis, saved.front.store.redis

    assert new.hgetall("companion:access") == {b"telegram:7": b"blocked"}
    assert new.xrange("companion:audit") == old.xrange("companion:audit")
    assert new.zrange("companion:scores", 0, -1, withscores=True) == old.zrange("companion:scores", 0, -1, withscores=True)
    assert set(new.smembers("companion:codes")) == {b"\x00\xff", b"plain"}
    assert 590_000 < new.pttl("companion:window") <= 600_000
    assert new.get("companion:empty") == b""
    assert new.exists("companion:companion", "companion:_kombu.binding.companion", "somebody-else") == 0


def test_waiting_lines_are_due_and_nobody_holds_a_lease(companion, machine, saved):
    companion("new", "admin", "restore", saved.file)
    new = machine("new")

    assert new.inbox.overdue(SURFACE) == [ANN, BEN]
    leases = leases_of(new)
    held = {conversation: leases.acquire(conversation) for conversation in (ANN, BEN)}
    assert [line.text for line in held[ANN].lines] == ["and so do I"]
    assert [line.text for line in held[BEN].lines] == ["I still wait"]
    assert held[ANN].tries == 1, "the try that the backup interrupted says nothing about the line"


def test_finals_that_nobody_has_seen_are_delivered_and_a_begun_one_is_told_as_a_repeat(companion, machine, saved):
    companion("new", "admin", "restore", saved.file)
    outbox = machine("new").outbox(SURFACE)
    outbox.open()

    entries = outbox.unfinished() + outbox.fresh(10)
    assert [(entry.event.turn, entry.is_repeat) for entry in entries] == [
        ("a0", True),
        ("a1", False),
        ("a2", False),
        ("g1", False),
        ("d1", False),
    ]


def test_the_file_is_private_and_tells_nothing(saved):
    assert stat.S_IMODE(saved.file.stat().st_mode) == 0o600
    content = saved.file.read_bytes()
    key = (saved.front.settings.data_dir / "memory.key").read_bytes().strip()
    for word in (b"secret", b"telegram", b"companion:", b"HSET", key):
        assert word not in content
    assert [path.name for path in saved.file.parent.glob(".all.backup*")] == []


def test_an_existing_file_is_replaced_with_force_alone(companion, saved):
    before = saved.file.read_bytes()
    with pytest.raises(CannotWrite, match="exists already: name another file, or replace it with --force"):
        companion("old", "admin", "backup", saved.file)
    assert saved.file.read_bytes() == before

    companion("old", "admin", "backup", "--force", saved.file)
    assert saved.file.read_bytes() != before


def test_a_place_that_cannot_be_written_is_told(companion, saved, tmp_path):
    with pytest.raises(CannotWrite, match=r"nowhere/b cannot be written: No such file or directory"):
        companion("old", "admin", "backup", tmp_path / "nowhere" / "b")


def test_a_full_disk_leaves_no_half_file(companion, saved, tmp_path, monkeypatch):
    def full(self, chunk, *, is_last):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed.Writer, "_put", full)
    with pytest.raises(CannotWrite, match=r"No space left on device\. Free some space"):
        companion("old", "admin", "backup", tmp_path / "b")
    assert list(tmp_path.glob("*b*")) == [saved.file]


def test_the_passphrase_is_asked_for_twice_and_must_not_be_short(companion, machine, tmp_path):
    machine("old")
    answers = f"{PASSPHRASE}\n{PASSPHRASE}\n"
    told = companion("old", "admin", "backup", tmp_path / "b", input=answers, passphrase=None)
    assert PASSPHRASE not in told.output
    assert "nobody can open it" in told.output

    with pytest.raises(CompanionError, match="at least 8 characters"):
        companion("old", "admin", "backup", tmp_path / "c", input="short\nshort\n", passphrase=None)
    assert not (tmp_path / "c").exists()


def test_the_passphrase_may_come_through_a_pipe(companion, machine, saved):
    companion("new", "admin", "restore", saved.file, input=f"{PASSPHRASE}\n", passphrase="-")
    assert state_of(machine("new")) == state_of(saved.front)


def test_a_passphrase_file_that_is_no_text_is_told(companion, saved, tmp_path):
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CompanionError, match="noise cannot be read as text"):
        companion("new", "admin", "restore", saved.file, passphrase=tmp_path / "noise")


def test_a_wrong_passphrase_changes_nothing(companion, saved, tmp_path):
    with pytest.raises(CannotOpen, match="The passphrase is wrong, or the backup is damaged"):
        companion("new", "admin", "restore", saved.file, input="something else\n", passphrase=None)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", [b"", b"companion", b"PK" + b"0" * 500])
def test_what_is_no_backup_is_refused(companion, tmp_path, content):
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(NotABackup):
        companion("new", "admin", "restore", tmp_path / "b")


def test_a_missing_file_is_told(companion, tmp_path):
    with pytest.raises(CompanionError, match="cannot be read: No such file"):
        companion("new", "admin", "restore", tmp_path / "b")


def test_a_newer_version_is_told(companion, saved):
    content = bytearray(saved.file.read_bytes())
    content[16] = 2
    saved.file.write_bytes(content)
    with pytest.raises(CompanionError, match="made by a newer Companion"):
        companion("new", "admin", "restore", saved.file)


def test_a_file_cannot_ask_for_more_memory_than_there_is(companion, saved):
    content = bytearray(saved.file.read_bytes())
    content[17] = 40
    saved.file.write_bytes(content)
    with pytest.raises(CannotOpen):
        companion("new", "admin", "restore", saved.file)


def is_refused(content, file):
    file.write_bytes(content)
    try:
        with Backup(file, PASSPHRASE) as opened:
            opened.check()
    except CompanionError:
        return True
    return False


_slow = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_slow
@given(data=st.data())
def test_a_file_that_was_cut_short_is_refused_wherever_the_cut_is(saved, tmp_path, data):
    content = saved.file.read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    assert is_refused(content[:cut], tmp_path / "cut")


@_slow
@given(data=st.data())
def test_a_file_in_which_one_bit_changed_is_refused_wherever_it_is(saved, tmp_path, data):
    content = bytearray(saved.file.read_bytes())
    place = data.draw(st.one_of(st.integers(0, sealed._HEADER.size), st.integers(0, len(content) - 1)))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    assert is_refused(bytes(content), tmp_path / "changed")


@pytest.fixture
def chunks(monkeypatch, tmp_path):
    """A sealed file of five chunks, the last one full."""
    monkeypatch.setattr(sealed, "_CHUNK_BYTES", 16)
    lock = sealed.Lock.new(PASSPHRASE)
    with (tmp_path / "chunks").open("wb") as out:
        writer = sealed.Writer(out, lock)
        writer.write(bytes(range(80)))
        writer.finish()
    return (tmp_path / "chunks").read_bytes()


def opened(content, tmp_path):
    (tmp_path / "again").write_bytes(content)
    with (tmp_path / "again").open("rb") as file:
        return sealed.Reader(file, sealed.Lock.of(sealed.read_header(file), PASSPHRASE)).readall()


def test_chunks_open_in_their_order_alone_and_all_of_them(chunks, tmp_path):
    assert opened(chunks, tmp_path) == bytes(range(80))

    start, size = sealed._HEADER.size, 32
    parts = [chunks[place : place + size] for place in range(start, len(chunks), size)]
    assert len(parts) == 5
    swapped, repeated = [parts[1], parts[0], *parts[2:]], [parts[0], *parts]
    for wrong in (swapped, repeated, parts[1:], parts[:-1], parts[:2], [], [*parts, parts[4]]):
        with pytest.raises(CannotOpen):
            opened(chunks[:start] + b"".join(wrong), tmp_path)


def test_every_cut_and_every_changed_byte_of_a_small_file_is_refused(chunks, tmp_path):
    for cut in range(len(chunks)):
        with pytest.raises((CannotOpen, NotABackup)):
            opened(chunks[:cut], tmp_path)
    for place in range(len(chunks)):
        changed = bytearray(chunks)
        changed[place] ^= 0x40
        with pytest.raises(CompanionError):
            opened(bytes(changed), tmp_path)


def test_a_redis_in_use_is_refused_and_stays_as_it_is(companion, machine, saved):
    new = machine("new")
    (new.settings.data_dir / "memory.key").write_text((saved.front.settings.data_dir / "memory.key").read_text())
    new.store.redis.delete("companion:memory-key-check")
    answer(new, talk("9"), "I was here before", "n1")
    before = keys_of(new)

    with pytest.raises(CannotRestore, match="in use already: --replace erases"):
        companion("new", "admin", "restore", saved.file)
    assert companion("new", "admin", "restore", "--replace", saved.file, input="n\n").exit_code == 1
    assert keys_of(new) == before

    assert companion("new", "admin", "restore", "--replace", saved.file, input="y\n").exit_code == 0
    again = machine("new")
    assert state_of(again) == state_of(saved.front)
    assert again.memory.num_turns(talk("9")) == 0


def test_the_same_machine_goes_back_to_what_it_was(companion, saved):
    before = state_of(saved.front)
    saved.front.people.forget(BEN)
    answer(saved.front, GROUP, "later", "g2")

    companion("old", "admin", "restore", "--replace", "--yes", saved.file)
    assert state_of(saved.front) == before


def test_another_key_is_refused_with_what_to_do(companion, machine, saved, monkeypatch):
    new = machine("new")
    with pytest.raises(CannotRestore, match=r"memory.key holds another key than the backup's.*move it away \(mv "):
        companion("new", "admin", "restore", saved.file)

    file = new.settings.data_dir / "memory.key"
    file.rename(f"{file}.old")
    companion("new", "admin", "restore", saved.file)
    assert state_of(machine("new")) == state_of(saved.front)


def test_another_key_in_the_settings_is_refused_with_what_to_do(companion, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_MEMORY_KEY", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
    with pytest.raises(CannotRestore, match="COMPANION_MEMORY_KEY is another key than the backup's: unset it"):
        companion("new", "admin", "restore", saved.file)


def test_the_right_key_in_the_settings_stays_there(companion, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_MEMORY_KEY", (saved.front.settings.data_dir / "memory.key").read_text().strip())
    companion("new", "admin", "restore", saved.file)
    assert not (tmp_path / "new" / "memory.key").exists()


def test_a_running_worker_is_in_the_way_unless_forced(companion, saved):
    saved.front.presence.announce(WorkerState("here-1-a", "ready", "", "echo", "", 1, 0))
    with pytest.raises(CannotRestore, match=r"1 worker\(s\) are running on this Redis: stop Companion everywhere"):
        companion("old", "admin", "restore", "--replace", "--yes", saved.file)
    companion("old", "admin", "restore", "--replace", "--yes", "--force", saved.file)


def test_an_interrupted_restore_lets_nothing_start_until_it_is_done_again(companion, machine, saved, monkeypatch):
    def full(_, found):
        next(found)
        raise redis.exceptions.ResponseError("OOM command not allowed")

    with monkeypatch.context() as patch:
        patch.setattr("bot.backup._run", full)
        with pytest.raises(CannotRestore, match=r"only a part \(OOM command not allowed\): mend that, then restore again"):
            companion("new", "admin", "restore", saved.file)

    with pytest.raises(WrongKey):
        companion("new", "admin", "conversations")
    with pytest.raises(CannotRestore, match="a restore was interrupted here: begin again with --replace"):
        companion("new", "admin", "restore", saved.file)
    companion("new", "admin", "restore", "--replace", "--yes", saved.file)
    assert state_of(machine("new")) == state_of(saved.front)


def test_big_values_are_carried_whole(companion, machine, tmp_path):
    old = machine("old")
    pipe = old.store.redis.pipeline()
    for number in range(5000):
        pipe.hset("companion:big-hash", f"f{number}", b"\xff" * 300)
        pipe.zadd("companion:big-zset", {f"{number:0300}": number / 7})
        pipe.sadd("companion:big-set", f"{number:0300}")
        pipe.rpush("companion:big-list", f"{number}" * 60)
        pipe.xadd("companion:big-stream", {"n": number, "text": "x" * 300})
    pipe.execute()
    companion("old", "admin", "backup", tmp_path / "b")
    companion("new", "admin", "restore", tmp_path / "b")

    one, other = old.store.redis, machine("new").store.redis
    assert one.hgetall("companion:big-hash") == other.hgetall("companion:big-hash")
    assert one.smembers("companion:big-set") == other.smembers("companion:big-set")
    assert one.lrange("companion:big-list", 0, -1) == other.lrange("companion:big-list", 0, -1)
    assert one.xrange("companion:big-stream") == other.xrange("companion:big-stream")
    ask = ("companion:big-zset", 0, -1)
    assert one.zrange(*ask, withscores=True) == other.zrange(*ask, withscores=True)


def test_inside_are_plain_json_lines_that_any_program_can_read(saved):
    with saved.file.open("rb") as file:
        lock = sealed.Lock.of(sealed.read_header(file), PASSPHRASE)
        lines = gzip.decompress(sealed.Reader(file, lock).readall()).splitlines()
    first, *commands, last = map(json.loads, lines)
    assert set(first) == {"v", "at", "memory_key"}
    assert last == {"commands": len(commands)}


def test_a_backup_made_while_people_talk_loses_nothing_and_fits_together(companion, machine, tmp_path):
    old, people, done = machine("old"), [talk(str(number)) for number in range(30)], threading.Event()
    old.outbox(SURFACE).open()

    for person in people:
        answer(old, person, "0", f"{person.person}-0")

    def talking():
        for number in itertools.count(1):
            for person in people:
                answer(old, person, str(number), f"{person.person}-{number}")
            if done.is_set():
                return

    talker = threading.Thread(target=talking)
    talker.start()
    for number in range(3):
        before = {person: old.memory.num_turns(person) for person in people}
        companion("old", "admin", "backup", tmp_path / str(number))
    done.set()
    talker.join()
    companion("new", "admin", "restore", tmp_path / "2")

    new = machine("new")
    outbox = new.outbox(SURFACE)
    sent, fresh = [], outbox.fresh(10)
    while fresh:
        sent, fresh = sent + [entry.event.turn for entry in fresh], outbox.fresh(10)
    for person in people:
        turns = new.memory.recent(person)
        said = [turn.said for turn in turns] + [line.text for line in new.inbox.waiting(person)]
        assert said == [str(number) for number in range(len(said))]
        assert len(said) >= before[person]
        assert {turn.id for turn in turns} <= set(sent), "whoever was answered hears of it"


def test_who_begins_to_write_during_a_backup_can_be_erased_after_it_is_restored(companion, machine, tmp_path, monkeypatch):
    """Their words are in it: so must be where these are, and when they were here."""
    old, together = machine("old"), talk("1", chat="-9").shared
    looks = itertools.count(1)

    def names(redis):
        if next(looks) == 2:  # all that stands for itself has been read
            for where, speaker in ((talk("5"), ""), (together, "6")):
                update = incoming("a secret", where, update_id=where.person)
                old.inbox.accept(replace(update, line=replace(update.line, speaker=speaker)))
        return redis.scan_iter(match="companion:*")

    answer(old, ANN, "hello", "a1")
    monkeypatch.setattr(sys.modules["bot.backup.commands"], "all_names", names)
    companion("old", "admin", "backup", tmp_path / "file")
    companion("new", "admin", "restore", tmp_path / "file")

    new = machine("new")
    assert new.inbox.num_waiting(talk("5")) == new.inbox.num_waiting(together) == 1
    people = {name.decode() for name in new.store.redis.zrange(Keys(SURFACE).people, 0, -1)}
    assert people >= {"1", "5", "6"}, "else they are never erased for being silent"
    new.people.forget(talk("6"))
    assert new.inbox.num_waiting(together) == 0


@pytest.mark.slow
def test_the_companion_goes_on_elsewhere_knowing_what_was_said(companion, tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with programs.Chat(tmp_path / "old") as chat:
        chat.ask("my cat is called Miso")
        companion("old", "admin", "backup", tmp_path / "b")  # while everything runs
        assert chat.leave() == (0, [])
    with programs.front(tmp_path / "old") as front:
        front.inbox.accept(incoming("I wrote while you were away", conversation_here(front)))
    companion("old", "admin", "backup", "--force", tmp_path / "b")

    companion("new", "admin", "restore", tmp_path / "b")
    with programs.Chat(tmp_path / "new") as chat:
        assert chat.hear() == "You said: I wrote while you were away. I am listening."
        chat.say("#history")
        said = [chat.hear() for _ in range(3)]
    assert said == ["Before this you said 2:", "1. my cat is called Miso", "2. I wrote while you were away"]


def test_conversations_are_counted_by_surface(companion, machine):
    front = machine("old")
    for person in ("1", "2", "3"):
        answer(front, talk(person), "x" * 100 * int(person), "t1")
    answer(front, GROUP, "hello", "t2")
    front.store.add_surface("console:local")

    head, console, telegram = companion("old", "admin", "conversations").stdout.splitlines()
    assert head.split() == ["SURFACE", "CONVERSATIONS", "PEOPLE", "TURNS", "SIZE", "OLDEST", "TURN", "NEWEST", "TURN"]
    assert console.split() == ["console:local", "0", "0", "0", "0", "B", "-", "-"]
    name, num, people, turns, size, unit, *dates = telegram.split()
    assert (name, num, people, turns, unit) == (SURFACE, "4", "3", "4", "kB")
    assert float(size) > 1
    assert dates == ["1970-01-01", "00:00", "UTC"] * 2
    assert len({len(row) for row in (head, console, telegram)}) == 1, "the columns stand under each other"


def test_the_largest_conversations_are_shown_when_asked_for(companion, machine):
    front = machine("old")
    for person in ("1", "2", "3"):
        answer(front, talk(person), "x" * 1000 * int(person), "t1")

    lines = companion("old", "admin", "conversations", "--surface", SURFACE, "--top", "2").stdout.splitlines()
    assert [row.split()[0] for row in lines[3:]] == ["CONVERSATION", str(talk("3")), str(talk("2"))]
