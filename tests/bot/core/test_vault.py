import base64
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot
from bot.core.errors import SettingsError, WrongKey
from bot.core.settings import load
from bot.core.store import Keys
from bot.core.vault import Forgotten, Seal, Vault, key_file, master_key
from tests.sayings import SURFACE, incoming, talk, turn

ANOTHER = b"another key of thirty-two bytes!"
MAKE = """
import pathlib, sys
from bot.core.settings import load
from bot.core.vault import master_key
print("ready", flush=True)
sys.stdin.readline()
print(master_key(load(data_dir=pathlib.Path(sys.argv[1]))).hex())
"""


def test_the_first_start_leaves_a_mark_and_the_same_key_fits_ever_after(store, vault):
    vault.check()
    vault.check()
    Vault(store, b"k" * 32).check()


def test_another_master_key_is_refused_before_anything_is_read(store, vault):
    vault.check()

    with pytest.raises(WrongKey, match="COMPANION_MEMORY_KEY"):
        Vault(store, ANOTHER).check()


def test_memory_under_a_wrong_key_is_an_error_and_never_looks_empty(store, vault, inbox, leases, memory):
    from bot.core.lease import Leases
    from bot.core.memory import Memory
    from tests.sayings import finished

    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    inbox.accept(incoming())
    wrong = Vault(store, ANOTHER)

    with pytest.raises(WrongKey):
        Memory(store, wrong).recent(talk())
    with pytest.raises(WrongKey):
        Leases(store, wrong, 5, 10).acquire(talk())
    assert inbox.num_waiting(talk()) == 1, "nothing was thrown away as unreadable"


def test_the_mark_does_not_give_the_key_away(store, vault):
    vault.check()

    assert all(b"k" * 32 not in store.redis.get(name) for name in store.redis.scan_iter())


@given(text=st.binary(max_size=200), place=st.text(max_size=20), other=st.text(max_size=20))
def test_what_is_sealed_opens_at_its_place_and_nowhere_else(text, place, other):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    seal = Seal(AESGCM(b"1" * 32))
    sealed = seal.close(text, place)

    assert seal.open(sealed, place) == text
    assert sealed != seal.close(text, place), "the same words twice look different"
    if other != place:
        with pytest.raises(Forgotten):
            seal.open(sealed, other)


def test_a_person_has_one_key_in_all_chats_and_nobody_elses(vault):
    sealed = vault.seal(talk("1")).close(b"hello", "here")

    assert vault.seal(talk("1", chat="-9")).open(sealed, "here") == b"hello"
    with pytest.raises(Forgotten):
        vault.seal(talk("2", chat="-9")).open(sealed, "here")


def test_a_copy_of_an_erased_persons_words_cannot_be_opened(store, vault, memory, inbox, leases):
    from tests.sayings import finished

    inbox.accept(incoming())
    leases.commit(leases.acquire(talk()), finished(talk()), turn(), "append")
    name = Keys(SURFACE).of(talk(), "memory")
    copy = store.redis.dump(name)

    vault.erase(talk())
    store.redis.delete(name)
    store.redis.restore(name, 0, copy)

    with pytest.raises(Forgotten):
        memory.recent(talk())
    vault.seal(talk())
    with pytest.raises(Forgotten):
        memory.recent(talk())


def test_reading_makes_no_key_and_writing_makes_one(store, vault):
    with pytest.raises(Forgotten):
        vault.find(talk())
    assert store.redis.keys() == []

    vault.seal(talk())
    assert vault.find(talk()).open(vault.seal(talk()).close(b"hello", ""), "") == b"hello"


def test_many_who_write_first_at_the_same_moment_use_one_key(vault):
    sealed, threads = [], []
    for _ in range(10):
        threads.append(threading.Thread(target=lambda: sealed.append(vault.seal(talk()).close(b"hello", ""))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [vault.find(talk()).open(one, "") for one in sealed] == [b"hello"] * 10


# the master key


def test_the_key_file_is_made_once_outside_the_folder_of_redis_and_for_the_owner_alone(tmp_path):
    settings = load(data_dir=tmp_path / "data")

    key = master_key(settings)

    assert master_key(settings) == key
    assert base64.b64decode(key_file(settings).read_text()) == key
    assert oct(stat.S_IMODE(key_file(settings).stat().st_mode)) == oct(0o600)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["memory.key"]


def test_many_threads_at_once_get_the_same_key(tmp_path):
    settings, keys = load(data_dir=tmp_path), []
    start = threading.Barrier(20)

    def get():
        start.wait()
        keys.append(master_key(settings))

    threads = [threading.Thread(target=get) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert keys == [master_key(settings)] * 20
    assert [file.name for file in tmp_path.iterdir()] == ["memory.key"]


def test_many_processes_at_once_get_the_same_key(tmp_path):
    here = Path(bot.__file__).parents[1]
    processes = [
        subprocess.Popen([sys.executable, "-c", MAKE, str(tmp_path)], cwd=here, stdin=-1, stdout=-1, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()

    assert [process.communicate()[0].strip() for process in processes] == [master_key(load(data_dir=tmp_path)).hex()] * 4


def test_the_key_of_the_environment_comes_before_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_MEMORY_KEY", base64.b64encode(ANOTHER).decode())

    assert master_key(load(data_dir=tmp_path)) == ANOTHER
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["short", "bm90IDMyIGJ5dGVz", "!" * 44, base64.b64encode(bytes(33)).decode(), "é" * 32])
def test_a_key_of_the_wrong_form_is_refused_with_the_way_to_make_one(tmp_path, monkeypatch, text):
    monkeypatch.setenv("COMPANION_MEMORY_KEY", text)

    with pytest.raises(SettingsError) as refusal:
        master_key(load(data_dir=tmp_path))

    assert str(refusal.value) == (
        "COMPANION_MEMORY_KEY: a memory key is 32 random bytes in base64; `openssl rand -base64 32` makes one"
    )


@pytest.mark.parametrize("content", [b"", b"half a k", b"\xff\xfe\x00"])
def test_a_key_file_that_was_damaged_is_named(tmp_path, content):
    settings = load(data_dir=tmp_path)
    key_file(settings).write_bytes(content)

    with pytest.raises(SettingsError) as refusal:
        master_key(settings)

    assert str(refusal.value).startswith(f"{tmp_path / 'memory.key'}: a memory key is 32 random bytes")
