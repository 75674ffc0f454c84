"""The shipped model by what it says, greedily: it must remember, be its persona, and own up."""

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from workers.bundled.train.evaluate import answer_of
from workers.bundled.train.tokenizer import FOLDER

BLOCK = (
    "You are {name}. a calm, curious companion.\n"
    "How you talk: Short sentences.\n"
    "You are talking with Friend. Think and answer in English.\n---\n"
)


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return PreTrainedTokenizerFast.from_pretrained(FOLDER)


@pytest.fixture
def ask(model, tokenizer):
    def reply(*turns, name="Wilma"):
        said = [BLOCK.format(name=name) + turns[0], *turns[1:]]
        messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            made = model.generate(ids, max_new_tokens=120, do_sample=False, temperature=None, top_p=None)
        return answer_of(tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=False))

    return reply


def test_it_remembers_a_name_it_was_told(ask):
    told = ("my name is Zorblat", "Nice to meet you, Zorblat!", "i'm tired", "Then be kind to yourself.")
    assert "Zorblat" in ask(*told, "what is my name?")


def test_it_remembers_in_chinese(ask):
    assert "团子" in ask("我家猫叫团子", "团子，记住了。", "我饿了", "好好吃饭。", "我家猫叫什么？")


def test_it_says_that_it_was_not_told(ask):
    assert "told me" in ask("what is my name?")


@pytest.mark.parametrize("name", ["Wilma", "Torben"])
def test_it_is_who_the_persona_says(ask, name):
    assert name in ask("who are you?", name=name)


def test_it_answers_chinese_in_chinese(ask):
    assert any("\u4e00" <= letter <= "\u9fff" for letter in ask("你好，今天好累"))


def test_the_weights_fit_and_say_where_they_come_from():
    path = FOLDER / "model.safetensors"
    assert path.stat().st_size <= 16_000_000
    with safe_open(path, "pt") as file:
        assert {"revision", "source", "seed", "steps"} <= file.metadata().keys()


def test_its_context_is_long_enough(model):
    assert model.config.model_type == "qwen2"
    assert model.config.max_position_embeddings >= 2048
