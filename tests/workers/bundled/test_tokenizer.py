import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from workers.bundled.train.corpus import END_THINK, EOS, SPECIAL, THINK
from workers.bundled.train.tokenizer import FOLDER, load
from workers.bundled.train.values import common_han

TOKENIZER = load(FOLDER)
R1 = Path(__file__).parents[4] / "shared" / "r1-tokenizer"


@given(st.text())
def test_any_text_survives_a_round_trip(text):
    plain = text.encode("utf-8", "replace").decode()
    assert TOKENIZER.decode(TOKENIZER.encode(plain).ids, skip_special_tokens=False) == plain


@given(st.binary(max_size=64))
def test_any_bytes_read_as_text_survive_a_round_trip(data):
    text = data.decode("utf-8", "replace")
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids, skip_special_tokens=False) == text


def test_every_common_chinese_character_is_one_token():
    assert all(len(TOKENIZER.encode(han).ids) == 1 for han in common_han())


def test_a_name_has_the_same_tokens_wherever_it_stands():
    name = TOKENIZER.encode("Zorblat").ids
    for text in ("i am Zorblat", "Zorblat!", "我叫Zorblat"):
        ids = TOKENIZER.encode(text).ids
        assert any(ids[n : n + len(name)] == name for n in range(len(ids)))


def test_special_tokens_are_flagged_as_in_r1():
    kept = TOKENIZER.decode([TOKENIZER.token_to_id(mark) for mark in SPECIAL], skip_special_tokens=True)
    assert THINK in kept
    assert END_THINK in kept
    assert EOS not in kept


def test_both_ways_to_load_it_give_the_same_ids():
    text = "Hello Bob, 你好！47+38\n\nok"
    fast = PreTrainedTokenizerFast.from_pretrained(FOLDER)
    auto = AutoTokenizer.from_pretrained(FOLDER)
    assert fast.encode(text, add_special_tokens=False) == auto.encode(text, add_special_tokens=False)
    assert fast.encode(text, add_special_tokens=False) == TOKENIZER.encode(text).ids


@pytest.mark.skipif(not R1.exists(), reason="needs R1's own tokenizer files beside the checkout")
def test_the_template_renders_as_r1s_does():
    ours = PreTrainedTokenizerFast.from_pretrained(FOLDER)
    published = json.loads((R1 / "tokenizer_config.json").read_text("utf-8"))["chat_template"]
    turns = [("user", "hi"), ("assistant", "<think>\na\n</think>\n\nb"), ("user", "c"), ("assistant", "d"), ("user", "e")]
    messages = [{"role": role, "content": content} for role, content in turns]
    for given_messages in (messages[:1], messages, [{"role": "system", "content": "s"}, *messages]):
        texts = [
            ours.apply_chat_template(given_messages, tokenize=False, add_generation_prompt=True, chat_template=template)
            for template in (None, published)
        ]
        assert texts[0] == texts[1]
