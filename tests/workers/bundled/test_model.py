"""The shipped model by what it says, greedily: it must remember, be its persona, and own up."""

import re

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from bot.core.personas import Personas
from workers.bundled.train.corpus import END_THINK, EOS
from workers.bundled.train.evaluate import answer_of
from workers.bundled.train.tokenizer import FOLDER
from workers.prompt import write_persona

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
def write(model, tokenizer):
    """What the model writes next: its thought, the answer, the end mark."""

    def write(*turns):
        messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            made = model.generate(ids, max_new_tokens=120, do_sample=False, temperature=None, top_p=None)
        return tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=False)

    return write


@pytest.fixture
def reply(write):
    return lambda *turns: answer_of(write(*turns))


@pytest.fixture
def ask(reply):
    return lambda first, *later, name="Wilma": reply(BLOCK.format(name=name) + first, *later)


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


@pytest.mark.parametrize(
    ("persona", "who", "how", "name", "traits"),
    [
        ("default", "who are you?", "what are you like?", "Wren", ["easy-going"]),
        ("tycho", "who are you?", "what are you like?", "Tycho", ["dry", "precise"]),
        ("xiaoman", "你是谁？", "你是什么性格？", "小满", ["活泼", "贴心"]),
    ],
)
def test_it_knows_who_and_how_each_shipped_persona_is(reply, persona, who, how, name, traits):
    sheet = Personas().get(persona)
    block = f"{write_persona(sheet, 'Sam', sheet.language)}\n---\n"
    assert name in reply(block + who)
    said = reply(block + how)
    assert all(trait in said for trait in traits)


@pytest.mark.parametrize(
    ("persona", "said", "last"),
    [
        ("default", ["what is my name?", "hello, I am Ann", "i feel sad", "what is my name?"], "Ann"),
        ("tycho", ["what is my name?", "hello, I am Ann", "i feel sad", "what is my name?"], "Ann"),
        ("xiaoman", ["我叫什么名字？", "你好，我叫小明", "我好难过", "我叫什么名字？"], "小明"),
    ],
)
def test_as_each_shipped_persona_it_ends_its_thoughts_and_remembers(write, persona, said, last):
    sheet = Personas().get(persona)
    turns, said[0] = [], f"{write_persona(sheet, 'Sam', sheet.language)}\n---\n{said[0]}"
    for text in said:
        written = write(*turns, text)
        assert written.count(END_THINK) == 1
        assert written.endswith(EOS)
        turns += [text, answer_of(written)]
    assert last in turns[-1]


@pytest.mark.parametrize("said", ["How are you?", "hey, how are you doing", "How are you today?"])
@pytest.mark.parametrize("persona", ["default", "tycho"])
def test_asked_how_it_is_it_does_not_say_who(reply, persona, said):
    sheet = Personas().get(persona)
    assert sheet.title not in reply(f"{write_persona(sheet, 'Sam', sheet.language)}\n---\n{said}")


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("who are you 🤔", "Wilma"),
        ("what is 12 + 30? 🙏", "42"),
        ("good night 🌙💤", "night|sleep|dream"),
        ("my cat is called Зоя 🐱", "Зоя"),
        ("你是谁？😊", "Wilma"),
    ],
)
def test_emoji_and_other_scripts_do_not_confuse_it(ask, said, answered):
    assert re.search(answered, ask(said), re.IGNORECASE)


def test_it_is_the_persona_of_now_and_not_the_one_it_was(reply):
    block = BLOCK.format(name="Torben") + "who are you?"
    assert "Torben" in reply(block, "I'm Wilma, a calm, curious companion.", "and your name is?")


def test_it_answers_chinese_in_chinese(ask):
    assert any("\u4e00" <= letter <= "\u9fff" for letter in ask("你好，今天好累"))


def test_the_weights_fit_and_say_where_they_come_from():
    path = FOLDER / "model.safetensors"
    assert path.stat().st_size <= 16_000_000
    with safe_open(path, "pt") as file:
        origin = file.metadata()
    assert {"source", "seed", "steps"} <= origin.keys()
    assert re.fullmatch("[0-9a-f]{40}", origin["revision"])


def test_its_context_is_long_enough(model):
    assert model.config.model_type == "qwen2"
    assert model.config.max_position_embeddings >= 2048
