"""The catalogue's numbers add up, and the page shows them."""

import re
from pathlib import Path

import pytest

from tests.workers.checkpoints.makers import CONFIGS, make
from workers.checkpoints import catalog
from workers.checkpoints.families import Shape

ROOT = Path(__file__).parents[3]


def test_the_release_has_eight_models_and_all_have_what_a_user_must_know():
    models = catalog.models()
    assert list(models) == ["r1-1.5b", "r1-7b", "r1-8b", "r1-14b", "r1-32b", "r1-70b", "r1", "r1-zero"]
    assert all(model.license and model.base and model.context >= 131072 for model in models.values())
    assert all(model.id.startswith("deepseek-ai/DeepSeek-R1") for model in models.values())


@pytest.mark.parametrize(
    ("name", "parameters", "kv"),
    [
        ("r1-1.5b", 1_777_088_000, 28_672),
        ("r1-7b", 7_615_616_512, 57_344),
        ("r1-8b", 8_030_261_248, 131_072),
        ("r1-14b", 14_770_033_664, 196_608),
        ("r1-32b", 32_763_876_352, 262_144),
        ("r1-70b", 70_553_706_496, 327_680),
        ("r1", 671_026_419_200, 70_272),
        ("r1-zero", 671_026_419_200, 70_272),
    ],
)
def test_the_shapes_give_the_published_numbers_of_parameters(name, parameters, kv):
    shape = catalog.models()[name].shape
    assert (shape.parameters(), shape.kv_per_token()) == (parameters, kv)


def test_of_the_original_a_token_uses_37_billion():
    assert round(catalog.models()["r1"].shape.read_per_token() / 1e9) == 37


def test_a_model_is_found_by_short_name_and_by_the_hubs_id_in_any_case():
    assert catalog.find("R1-7B") is catalog.find("deepseek-ai/deepseek-r1-distill-qwen-7b") is catalog.models()["r1-7b"]
    assert catalog.find("r1-9b") is None


@pytest.mark.parametrize(
    ("page", "table"),
    [
        ("docs/models.md", catalog.table()),
        ("README.md", catalog.short_table("en")),
        ("README.zh.md", catalog.short_table("zh")),
    ],
)
def test_the_pages_have_the_tables_that_the_catalogue_makes(page, table):
    written = re.search(r"<!-- models.*?-->\n(.*?)\n<!-- end of models -->", (ROOT / page).read_text("utf-8"), re.S)
    assert written
    assert written[1] == table, "run: PYTHONPATH=. python docs/models_table.py"


@pytest.mark.parametrize(
    ("device", "bandwidth"),
    [
        ("NVIDIA H200", 4800),
        ("NVIDIA H20", 4000),
        ("NVIDIA H100 80GB HBM3", 3350),
        ("NVIDIA H100 PCIe", 2000),
        ("NVIDIA A100-SXM4-80GB", 2039),
        ("NVIDIA A100-PCIE-40GB", 1555),
        ("NVIDIA L4", 300),
        ("NVIDIA L40S", 864),
        ("NVIDIA GeForce RTX 4090", 1008),
        ("NVIDIA GeForce RTX 4080 SUPER", 736),
        ("Tesla T4", 320),
        ("NVIDIA Something New", None),
    ],
)
def test_the_bandwidth_is_that_of_the_name_the_driver_gives(device, bandwidth):
    assert catalog.bandwidth(device) == bandwidth


@pytest.mark.parametrize("family", ["qwen2", "llama"])
@pytest.mark.parametrize("tied", [False, True])
def test_our_shapes_are_those_that_transformers_makes(tmp_path, family, tied):
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = make(tmp_path, family, tie_word_embeddings=tied)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    theirs = {name: tuple(value.shape) for name, value in model.state_dict().items() if not (tied and "lm_head" in name)}
    assert dict(Shape.of_config({**CONFIGS[family], "tie_word_embeddings": tied}).tensors()) == theirs
