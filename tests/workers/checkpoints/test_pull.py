"""`model pull` from a hub that does everything wrong: what arrives is what was published, or words say why not."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.fakes.hub import TOKEN, is_large, sha256
from tests.tiny_models import make_tiny_model, write_tiny_gguf
from tests.workers.checkpoints.conftest import MODEL, SHARDS
from tests.workers.checkpoints.makers import edit, make_random
from workers.checkpoints import hashes
from workers.checkpoints.check import check, is_well
from workers.checkpoints.local import local
from workers.texts import say


def same(folder, published):
    return {file.name for file in published.iterdir() if (folder / file.name).read_bytes() != file.read_bytes()} == set()


def size(published, name=SHARDS[0]):
    return (published / name).stat().st_size


def fix(result):
    [line] = [line for line in result.stderr.splitlines() if line.startswith("FAIL")]
    return line


@pytest.mark.parametrize("to", [(), ("--to", "here")])
def test_a_pulled_model_is_what_was_published_and_only_its_folder_is_on_standard_output(pull, published, to):
    result = pull(MODEL, *to)
    folder = Path(result.stdout.strip())
    assert result.exit_code == 0
    assert result.stdout == f"{folder}\n"
    assert same(folder, published)
    assert is_well(check(folder, deep=True))
    assert f"set COMPANION_MODEL={folder if to else MODEL}\n" in result.stderr


def test_a_short_name_is_that_of_the_catalogue(pull, hub, published):
    hub.publish("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", published)
    assert pull("r1-1.5b").exit_code == 0
    assert "asking for deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B" in pull("R1-1.5B").stderr


def test_only_the_files_that_a_model_needs_are_fetched(pull, hub, published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "more")
    for name in ("modeling_evil.py", "pytorch_model.bin", "figures.png", "model.gguf", "README.md", "onnx/model.onnx"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x" * 10)
    hub.publish("nobody/more", folder)
    got = Path(pull("nobody/more", "--to", tmp_path / "to").stdout.strip())
    assert {file.name for file in got.iterdir()} == {file.name for file in published.iterdir()} | {"README.md", ".cache"}
    assert not any(asked.path.endswith((".py", ".bin", ".gguf")) for asked in hub.asked)


def test_the_parts_of_a_model_come_side_by_side(pull, hub, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    hub.publish("nobody/parts", make_random(folder, shards=6, hidden_size=32))
    hub.bytes_a_second = 20_000
    assert pull("nobody/parts").exit_code == 0
    assert hub.most_running > 2


def test_a_second_pull_fetches_nothing(pull, hub):
    pull()
    before = len(hub.downloads(SHARDS[0]))
    again = pull().stderr
    assert "all in" in again
    assert "100 %" not in again
    assert len(hub.downloads(SHARDS[0])) == before


@pytest.mark.parametrize("to", [(), ("--to", "here")])
def test_after_a_cut_it_goes_on_at_the_byte_where_it_ended(pull, hub, published, to, waits):
    hub.fault(SHARDS[0], "cut 300000", "cut 0", "cut 70000")
    result = pull(MODEL, *to)
    assert result.exit_code == 0
    # Redirected by the hub to its store, so each is there twice.
    assert list(dict.fromkeys(hub.downloads(SHARDS[0]))) == ["bytes=0-", "bytes=300000-", "bytes=370000-"]
    assert same(Path(result.stdout.strip()), published)
    assert len(waits) == 3


def test_a_line_that_always_breaks_is_given_up_only_when_nothing_comes_any_more(pull, hub, waits):
    hub.fault(SHARDS[1], *["cut 20000"] * 15, "cut 0", "for ever")
    result = pull()
    assert result.exit_code == 1
    assert "run the same again; it goes on" in fix(result)
    assert waits[15:21] == [1, 2, 4, 8, 16, 30][-len(waits[15:21]) :]
    hub.heal()
    assert "going on" in (again := pull()).stderr
    assert again.exit_code == 0
    assert hub.downloads(SHARDS[1])[-1] == "bytes=300000-"


def test_a_hub_that_does_not_know_ranges_sends_all_anew_and_the_file_is_whole(pull, hub, published):
    hub.fault(SHARDS[0], "cut 300000", "no ranges")
    assert same(Path(pull().stdout.strip()), published)


def test_other_bytes_than_were_published_are_thrown_away_and_only_that_file_is_fetched_again(pull, hub, published):
    hub.fault(SHARDS[0], "wrong")
    result = pull()
    assert result.exit_code == 1
    assert sha256((published / SHARDS[0]).read_bytes()) in fix(result)
    assert "came damaged and was removed" in fix(result)
    assert "only this file is fetched" in fix(result)
    hub.asked.clear()
    assert same(Path(pull().stdout.strip()), published)
    assert hub.downloads(SHARDS[0])
    assert not hub.downloads(SHARDS[1])


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_small_files_are_compared_with_their_hash_too(pull, hub, published, name):
    hub.fault(name, "wrong")
    result = pull()
    assert result.exit_code == 1
    assert f"{name} came damaged" in fix(result)
    assert same(Path(pull().stdout.strip()), published)


def test_a_file_longer_than_the_hub_says_does_not_fill_the_disk(pull, hub, published, cache):
    hub.fault(SHARDS[0], "longer", "for ever")
    assert "another size" in fix(pull())
    assert all(file.stat().st_size <= size(published) for file in cache.rglob("*.incomplete"))


def test_a_file_that_ends_early_without_an_error_is_noticed(pull, hub, published):
    hub.fault(SHARDS[0], "short")
    assert same(Path(pull().stdout.strip()), published)


def test_a_busy_hub_is_given_the_time_it_asks_for(pull, hub, waits):
    hub.fault("*", "busy 7")
    hub.fault(SHARDS[0], "busy 9", "broken")
    result = pull()
    assert result.exit_code == 0
    assert waits == [7, 9, 2]
    assert "next try in 7 s" in result.stderr


def test_no_hub_can_ask_for_a_day(pull, hub, waits):
    hub.fault("*", "busy 86400")
    pull()
    assert waits == [300]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("busy 1", "asked too often"), ("broken", "out of order (HTTP 503)"), ("page", "is no hub"), ("forbidden", "refuses")],
)
def test_a_hub_that_stays_wrong_is_told_with_what_to_type(pull, hub, fault, words):
    hub.fault("*", fault, "for ever")
    result = pull()
    assert result.exit_code == 1
    assert words in fix(result)
    assert " → " in fix(result)
    assert "Traceback" not in result.output


def test_what_the_disk_cannot_hold_is_told_before_the_first_byte(pull, hub, monkeypatch, published):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size(published)))
    result = pull()
    assert "nothing was fetched" in fix(result)
    assert "--to FOLDER" in fix(result)
    assert not hub.downloads(SHARDS[0])


def test_what_is_there_already_needs_no_room(pull, hub, monkeypatch, published):
    hub.fault(SHARDS[0], "cut 300000", "forbidden", "for ever")
    pull()
    hub.heal()
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=size(published)))
    assert pull().exit_code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_disk_that_fills_meanwhile_keeps_what_has_come(pull, hub, published, tmp_path):
    """A device that is always full in place of the part: writing to it fails as on a disk."""
    to = tmp_path / "to"
    part = to / ".cache/huggingface/download" / f"{sha256((published / SHARDS[0]).read_bytes())}.incomplete"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    assert "the disk became full" in fix(pull(MODEL, "--to", to))
    part.unlink()
    hub.asked.clear()
    assert pull(MODEL, "--to", to).exit_code == 0
    assert same(to, published)
    assert not hub.downloads(SHARDS[1])


def test_a_folder_that_cannot_be_written_is_told(pull, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert "cannot be written" in fix(pull(MODEL, "--to", tmp_path / "file" / "to"))


@pytest.mark.parametrize("name", ["nonsense", "../..", "a/b/c", "a//b", "https://huggingface.co/a/b", "a/b--c", "/etc"])
def test_what_cannot_be_a_name_is_told_with_the_names_that_are(pull, hub, name):
    result = pull(name)
    assert "r1-7b" in fix(result)
    assert hub.asked == []


def test_no_such_model_and_no_such_revision_are_told_apart(pull):
    assert "has no nobody/nothing" in fix(pull("nobody/nothing"))
    assert "not this revision" in fix(pull(MODEL, "--revision", "v9"))


def test_a_revision_is_the_one_that_was_asked_for(pull, hub, published, tmp_path):
    old = shutil.copytree(published, tmp_path / "old")
    edit(old / "config.json", comment="old")
    commit = hub.repos[MODEL].publish({file.name: file.read_bytes() for file in old.iterdir()}, ref="v1")
    for revision in ("v1", commit):
        folder = Path(pull(MODEL, "--revision", revision).stdout.strip())
        assert json.loads((folder / "config.json").read_text())["comment"] == "old"
    assert "comment" not in json.loads((Path(pull().stdout.strip()) / "config.json").read_text())


def test_a_model_that_changed_is_fetched_anew_but_not_what_stayed(pull, hub, published, tmp_path):
    to = tmp_path / "to"
    pull(MODEL, "--to", to)
    new = shutil.copytree(published, tmp_path / "new")
    data = bytearray((new / SHARDS[1]).read_bytes())
    data[-1] ^= 1
    (new / SHARDS[1]).write_bytes(data)
    hub.publish(MODEL, new)
    hub.asked.clear()
    assert pull(MODEL, "--to", to).exit_code == 0
    assert same(to, new)
    assert not hub.downloads(SHARDS[0])


def test_what_the_check_advises_for_a_git_lfs_pointer_mends_it(pull, published, tmp_path):
    to = shutil.copytree(published, tmp_path / "clone")
    (to / SHARDS[0]).write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n")
    (to / "tokenizer.json").unlink()
    for finding in [finding for finding in check(to) if finding.level == "error"]:
        companion, model, command, name, *arguments = shlex.split(finding.as_check("en").fix)
        assert (companion, model, command, name) == ("companion", "model", "pull", "NAME")
        assert pull(MODEL, *arguments).exit_code == 0
    assert same(to, published)


def test_a_whole_file_of_another_program_is_taken_as_it_is(pull, hub, published, tmp_path):
    to = shutil.copytree(published, tmp_path / "copied")
    assert pull(MODEL, "--to", to).exit_code == 0
    assert not hub.downloads(SHARDS[0])


def test_a_gated_model_says_where_to_accept_its_terms(pull, hub, published):
    hub.publish("nobody/gated", published, gated=True)
    line = fix(pull("nobody/gated"))
    assert "accepted its terms" in line
    assert f"{hub.url}/nobody/gated" in line


@pytest.mark.parametrize(
    ("names", "words"), [(["model.onnx"], "neither *.safetensors nor *.gguf"), (["README.md"], "has no weights")]
)
def test_a_model_that_cannot_be_loaded_is_not_fetched(pull, hub, tmp_path, names, words):
    for name in names:
        (tmp_path / "odd" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "odd" / name).write_text("x")
    hub.publish("nobody/odd", tmp_path / "odd")
    assert words in fix(pull("nobody/odd"))


@pytest.fixture
def quantised(hub, tmp_path):
    """One model in two kinds, the larger in two parts."""
    folder = tmp_path / "quantised"
    folder.mkdir()
    for seed, name in enumerate(("m-Q4_K_M.gguf", "m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf")):
        write_tiny_gguf(folder, make_tiny_model(tmp_path, seed=seed)).rename(folder / name)
    (folder / "mmproj-F16.gguf").write_bytes(b"x")
    hub.publish("nobody/tiny-GGUF", folder)


@pytest.mark.parametrize(
    ("kind", "files"),
    [("", {"m-Q4_K_M.gguf"}), (":q8_0", {"m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"})],
)
def test_of_a_model_in_several_kinds_one_is_fetched(pull, hub, quantised, kind, files):
    result = pull(f"nobody/tiny-GGUF{kind}")
    assert result.exit_code == 0
    place = Path(result.stdout.strip())
    folder = place.parent if kind else place
    assert {file.name for file in folder.glob("*.gguf")} == files
    assert (folder / "tokenizer.json").is_file()
    assert f"set COMPANION_MODEL=nobody/tiny-GGUF{kind}\n" in result.stderr
    assert local(f"nobody/tiny-GGUF{kind}") == place


def test_another_kind_is_fetched_beside_the_first(pull, hub, quantised):
    pull("nobody/tiny-GGUF")
    before = len(hub.downloads("m-Q4_K_M.gguf"))
    assert local("nobody/tiny-GGUF:Q8_0") is None
    assert pull("nobody/tiny-GGUF:Q8_0").exit_code == 0
    assert local("nobody/tiny-GGUF:Q8_0").name == "m-Q8_0-00001-of-00002.gguf"
    assert len(hub.downloads("m-Q4_K_M.gguf")) == before


def test_a_kind_that_nobody_published_is_said_with_those_there_are(pull, quantised):
    line = fix(pull("nobody/tiny-GGUF:Q5_K_M"))
    assert "no GGUF file of the kind Q5_K_M; it has m-Q4_K_M.gguf, m-Q8_0-00001-of-00002.gguf" in line


def test_a_model_that_was_published_incomplete_is_fetched_and_said_to_lack_something(pull, hub, published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "lacking")
    (folder / "tokenizer.json").unlink()
    hub.publish("nobody/lacking", folder)
    result = pull("nobody/lacking")
    assert result.exit_code == 1
    assert "FAIL tokenizer.json: missing" in result.stderr
    assert "not all that a model needs" in result.stderr


@pytest.mark.parametrize("address", ["hf-mirror.com", "ftp://x", "http://"])
def test_a_mirror_without_an_address_is_told(pull, address):
    assert "is no address" in fix(pull(MODEL, "--mirror", address))


def test_a_mirrors_password_is_not_shown(pull, hub):
    result = pull(MODEL, "--mirror", hub.url.replace("http://", "http://me:secret@"))
    assert "secret" not in result.output
    assert hub.url in result.stderr


def test_a_mirror_never_gets_the_token(pull, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert pull().exit_code == 0
    assert not any(asked.has_token for asked in hub.asked)


def test_an_adapter_is_refused_before_a_byte_is_fetched(pull, hub, tmp_path, cache):
    published = tmp_path / "adapter"
    published.mkdir()
    (published / "adapter_config.json").write_text("{}")
    save_file({"a": np.zeros(4, np.float32)}, published / "adapter_model.safetensors")
    hub.publish("nobody/adapter", published)
    assert "published whole" in fix(pull("nobody/adapter"))
    assert not any("adapter_model" in asked.path for asked in hub.asked)


def test_it_speaks_chinese(pull, hub):
    hub.fault("*", "page", "for ever")
    result = pull(MODEL, language="zh")
    assert say("zh", "pull-no-hub", hub=hub.url) in result.stderr
    assert say("zh", "pull-asks", hub=hub.url, model=MODEL) in result.stderr


def test_what_deep_checks_compare_with_is_what_the_pull_noted(pull, tmp_path):
    to = tmp_path / "to"
    pull(MODEL, "--to", to)
    assert all(hashes.known(to, file.name) for file in to.iterdir() if file.is_file() and is_large(file.name))
    data = bytearray((to / SHARDS[0]).read_bytes())
    data[-1] ^= 1
    (to / SHARDS[0]).write_bytes(data)
    assert "hash-differs" in {finding.what for finding in check(to, deep=True)}
