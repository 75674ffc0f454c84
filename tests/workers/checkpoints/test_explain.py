"""What a model is, said from its tensors; what it needs, from its shape and the machine."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.checkpoints.makers import edit, make
from workers.checkpoints import catalog, explain, subject
from workers.checkpoints.machine import Machine
from workers.checkpoints.subject import of_catalog, of_folder

H200, RTX = Machine("NVIDIA H200", 1, 141 * 10**9), Machine("NVIDIA GeForce RTX 4090", 1, 24 * 10**9)
NO_GPU = Machine("", 0, 16 << 30)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    monkeypatch.setattr(explain, "this_machine", lambda: NO_GPU)


def of(name):
    return of_catalog(catalog.models()[name])


def said(about, machine=NO_GPU):
    return dict(explain.lines(about, machine))


def printed(capsys, name, language="en", as_json=False):
    status = explain.print_explanation(str(name), as_json, language)
    return status, capsys.readouterr().out


@pytest.mark.parametrize("name", ["r1-1.5b", "r1-7b", "r1-8b", "r1-14b", "r1-32b", "r1-70b"])
def test_a_distill_is_told_from_the_original_and_from_why_the_converter_fails(capsys, name):
    status, text = printed(capsys, name)
    assert status == 0
    assert "a distill of DeepSeek-R1" in text
    assert "q_proj, k_proj, v_proj" in text
    assert "assert key in mapping" in text
    assert "temperature 0.6, top_p 0.95" in text


@pytest.mark.parametrize("name", ["r1", "r1-zero", "deepseek-ai/DeepSeek-R1-Zero"])
def test_the_original_needs_several_gpus_and_a_server(capsys, name):
    status, text = printed(capsys, name)
    assert status == 0
    assert "the 671B original" in text
    assert "q_a_proj, kv_a_proj_with_mqa" in text
    assert "--tensor-parallel-size 8" in text
    assert "sglang.launch_server" in text
    assert "COMPANION_OPENAI_URLS=http://HOST:8000/v1" in text
    assert "Companion would run it" not in text
    assert "trust" not in text


def test_the_chinese_text_says_the_same(capsys):
    assert "蒸馏模型" in printed(capsys, "r1-7b", "zh")[1]
    assert "671B 原版" in printed(capsys, "r1", "zh")[1]


def test_people_and_the_ceiling_follow_from_memory_and_bandwidth():
    small = of("r1-1.5b")
    free = 141e9 * 0.9 - small.weight_bytes
    assert explain.people(small, H200, 4096) == free // (4096 * 28_672)
    assert explain.ceiling(small, H200) == pytest.approx(1555, rel=0.001)
    assert said(small, H200)["explain-engine"] == {"engine": "paged"}


def test_what_does_not_fit_says_so_names_what_does_and_promises_no_speed():
    found = said(of("r1-32b"), RTX)
    assert found["explain-smaller"] == {"name": "r1-8b"}
    assert not {"explain-people", "explain-speed", "explain-engine"} & set(found)


def test_what_fits_only_several_gpus_gets_a_server_with_a_number_that_divides_the_heads():
    found = said(of("r1-32b"), Machine(RTX.name, 7, RTX.memory))
    assert found["explain-server"]["count"] == 5
    assert found["explain-several"]["count"] == 5
    assert "explain-use-server" in found
    assert said(of("r1"), Machine("NVIDIA H200", 8, H200.memory))["explain-server"]["count"] == 8


def test_an_unknown_gpu_gets_no_ceiling_and_an_unknown_memory_no_number_of_people():
    assert "explain-speed-unknown" in said(of("r1-1.5b"), Machine("NVIDIA Something", 1, H200.memory))
    found = said(of("r1-1.5b"), Machine("", 0, None))
    assert "explain-memory-unknown" in found
    assert "explain-people" not in found


@pytest.mark.parametrize("family", ["qwen2", "llama", "deepseek_v3"])
def test_a_folder_of_no_release_is_explained_from_its_own_tensors(tmp_path, family):
    about = of_folder(make(tmp_path, family))
    assert (about.kind, about.shape.family) == ("other", family)
    assert ("kv_a_proj_with_mqa" in about.keys) == (family == "deepseek_v3")
    assert explain.facts(about, NO_GPU)["parameters"] == about.weight_bytes / 4


def test_the_tokenizer_tells_a_distill_from_the_base_with_the_same_shape(tmp_path, monkeypatch):
    folder = make(tmp_path)
    monkeypatch.setattr(subject.catalog, "like", lambda shape: catalog.models()["r1-7b"])
    assert of_folder(folder).kind == "distill"
    edit(folder / "tokenizer.json", added_tokens=[])
    assert of_folder(folder).kind == "base"
    assert "explain-base" in said(of_folder(folder))


def test_a_name_that_claims_the_original_is_corrected(tmp_path):
    folder = tmp_path / "DeepSeek-R1"
    folder.mkdir()
    assert "explain-claims" in said(of_folder(make(folder)))


def test_a_damaged_folder_is_explained_as_far_as_it_goes_and_says_so(tmp_path, capsys):
    folder = make(tmp_path, shards=3)
    (folder / "model-00002-of-00003.safetensors").write_bytes(b"cut")
    status, text = printed(capsys, folder)
    assert status == 0
    assert f"companion model check {folder}" in text


def test_what_cannot_be_explained_gives_one_line_and_status_1(tmp_path, capsys):
    for name in (tmp_path / "nowhere", tmp_path, __file__):
        status, text = printed(capsys, name)
        assert status == 1
        assert text.count("\n") == 1


def test_programs_get_the_facts(capsys):
    status, text = printed(capsys, "r1-8b", as_json=True)
    found = json.loads(text)
    assert (status, found["kind"], found["family"], found["parameters"]) == (0, "distill", "llama", 8_030_261_248)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["config.json", "tokenizer.json", "model.safetensors"]),
    content=st.binary(max_size=200),
    place=st.none() | st.integers(0, 2000),
)
def test_no_bytes_make_it_fail(tmp_path, name, content, place):
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    file = make(folder) / name
    old = file.read_bytes()
    file.write_bytes(content if place is None else old[:place] + content + old[place + len(content) :])
    assert explain.print_explanation(str(folder), False, "en") in (0, 1)
