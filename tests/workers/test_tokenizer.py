"""Messages become exactly the ids of the template; ids become text as soon as it is whole; nobody types a control token."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engines import echo
from workers.models import BUNDLED
from workers.tokenizer import BadTokenizer, ByteTokenizer, HuggingFaceTokenizer, Message, load_tokenizer

_R1 = Path(__file__).parents[2] / "../shared/r1-tokenizer"
needs_r1 = pytest.mark.skipif(not _R1.is_dir(), reason="the R1 tokenizer is not beside the checkout")

END, USER, ASSISTANT, BEGIN, EOT, THINK, END_THINK = range(151643, 151650)
TALK = [Message("user", "你好"), Message("assistant", "你好！"), Message("user", "1+1?")]
MARKS = [*echo.SPECIAL, "<|EOT|>", "<tool_call>", "<|fim_pad|>", "<<think>", "<th", "ink>", "<｜", "｜>", "</", "\u2060", "K"]

anything = st.lists(st.sampled_from(MARKS) | st.text(max_size=8), max_size=8).map("".join)


@pytest.fixture(scope="module")
def r1():
    return load_tokenizer("transformers", str(_R1))


@pytest.fixture(scope="module", params=["bytes", pytest.param("r1", marks=needs_r1)])
def tokenizer(request):
    return load_tokenizer("echo", "") if request.param == "bytes" else load_tokenizer("transformers", str(_R1))


def special(tokenizer, ids):
    first = 256 if isinstance(tokenizer, ByteTokenizer) else END
    return [id for id in ids if id >= first]


def decoded(tokenizer, ids):
    decoder = tokenizer.decoder()
    return "".join(decoder.feed([id]) for id in ids) + decoder.flush()


def copy_of_r1(folder, **changes):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(_R1 / name, folder / name)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, **changes}))
    return str(folder)


@needs_r1
def test_r1_reads_what_its_template_says(r1):
    turns = "<｜User｜>你好<｜Assistant｜>你好！<｜end▁of▁sentence｜><｜User｜>1+1?<｜Assistant｜>"
    text = f"<｜begin▁of▁sentence｜>{turns}<think>\n"
    ids = r1.render(TALK)
    assert r1._backend.decode(ids, skip_special_tokens=False) == text
    assert special(r1, ids) == [BEGIN, USER, ASSISTANT, END, USER, ASSISTANT, THINK]


@needs_r1
def test_r1_has_its_marks_for_stops_and_thought(r1):
    assert (r1.think_start, r1.think_end, r1.opens_thought) == (THINK, END_THINK, True)
    assert r1.stop_ids == {END, USER, ASSISTANT, BEGIN, EOT}


def test_the_bytes_have_the_form_of_r1():
    tokenizer = load_tokenizer("echo", "")
    assert tokenizer.render([Message("user", "a"), Message("assistant", "b"), Message("user", "c")]) == (
        259, 257, 97, 258, 98, 256, 257, 99, 258, 260, 10,
    )  # fmt: skip
    assert (tokenizer.think_start, tokenizer.think_end, tokenizer.opens_thought) == (260, 261, True)
    assert tokenizer.stop_ids == {256, 257, 258, 259}


@settings(deadline=None)
@given(said=anything, reply=anything)
def test_only_the_template_writes_control_tokens(tokenizer, said, reply):
    ids = tokenizer.render([Message("user", said), Message("assistant", reply), Message("user", said)])
    expected = special(tokenizer, tokenizer.render(TALK))
    assert special(tokenizer, ids) == expected
    assert not special(tokenizer, tokenizer.encode(said))


@settings(deadline=None)
@given(st.text())
def test_plain_text_comes_back_as_it_was(tokenizer, text):
    normal = tokenizer._plain(text) if isinstance(tokenizer, HuggingFaceTokenizer) else tokenizer._neutral(text)
    assert decoded(tokenizer, tokenizer.encode(text)) == normal


def test_a_typed_mark_still_looks_like_one(tokenizer):
    assert decoded(tokenizer, tokenizer.encode("Use </think>!")).replace("\u2060", "") == "Use </think>!"


def test_half_a_surrogate_pair_does_no_harm(tokenizer):
    assert decoded(tokenizer, tokenizer.encode("a\ud83db")) == "a\ufffdb"
    assert tokenizer.render([Message("user", "\ud83d")])


def test_text_comes_as_soon_as_it_is_whole(tokenizer):
    decoder, seen = tokenizer.decoder(), []
    for id in tokenizer.encode("é 你🙂𓀀ok"):
        seen.append(decoder.feed([id]))
        assert "\ufffd" not in seen[-1]
    assert "".join(seen) == "é 你🙂𓀀ok"
    assert decoder.flush() == ""


def test_half_a_character_at_the_end_comes_out_as_a_replacement(tokenizer):
    decoder = tokenizer.decoder()
    assert decoder.feed(tokenizer.encode("hi 𓀀")[:-1]) in ("hi", "hi ")
    assert "\ufffd" in decoder.flush()


def test_control_tokens_are_dropped_and_think_tags_stay(tokenizer):
    stops = sorted(tokenizer.stop_ids)
    ids = [tokenizer.think_start, *tokenizer.encode("hm"), tokenizer.think_end, *stops, *tokenizer.encode("Hi"), *stops]
    assert decoded(tokenizer, ids) == "<think>hm</think>Hi"


@needs_r1
def test_bytes_that_make_no_character_do_not_slow_the_stream(r1):
    garbage = next(id for id in range(94, 256) if r1._backend.decode([id]) == "\ufffd")
    started = time.perf_counter()
    text = decoded(r1, [*[garbage] * 20_000, *r1.encode("ok")])
    assert text.endswith("ok")
    assert time.perf_counter() - started < 5


@needs_r1
def test_any_ids_at_all_decode_to_the_same_text_as_at_once(r1):
    dice = random.Random(7)
    for _ in range(20):
        ids = [dice.randrange(END) for _ in range(60)]
        assert decoded(r1, ids).replace("\ufffd", "") == r1._backend.decode(ids).replace("\ufffd", "")


@needs_r1
def test_an_old_template_that_does_not_open_the_thought_is_mended(r1, tmp_path):
    config = json.loads((_R1 / "tokenizer_config.json").read_text())
    old = HuggingFaceTokenizer(copy_of_r1(tmp_path, chat_template=config["chat_template"].replace("<think>\\n", "")))
    assert old.render(TALK) == r1.render(TALK)
    assert old.opens_thought


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def plain_model(tmp_path):
    """A chat model that knows no thinking: a few words, ChatML."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={letter: id for id, letter in enumerate(letters)}, merges=[]))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    backend.normalizer = normalizers.NFKC()
    backend.add_special_tokens([AddedToken(mark, normalized=True) for mark in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    backend.add_tokens([AddedToken("    ")])
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", chat_template=CHATML).save_pretrained(tmp_path)
    return load_tokenizer("transformers", str(tmp_path))


def test_a_model_that_does_not_think_has_no_think_ids(plain_model):
    assert (plain_model.think_start, plain_model.think_end, plain_model.opens_thought) == (None, None, False)
    assert plain_model.stop_ids == {256, 257, 258}


def test_added_tokens_that_are_spaces_stay_text(plain_model):
    assert decoded(plain_model, plain_model.encode("if x:\n    <|im_end|>y")) == "if x:\n    <\u2060|im_end|>y"


def test_a_look_alike_does_not_become_a_mark_when_it_is_normalised(plain_model):
    assert plain_model.render([Message("user", "＜|im_end|＞")]).count(258) == 1


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(BadTokenizer, match=r"has no tokenizer\.json"):
        load_tokenizer("transformers", str(tmp_path))


@needs_r1
def test_a_model_without_a_chat_template_is_refused(tmp_path):
    with pytest.raises(BadTokenizer, match="no chat template"):
        load_tokenizer("transformers", copy_of_r1(tmp_path, chat_template=None))


@pytest.mark.parametrize("template", ["{% for", "{{ messages[0].no.such }}", "{{ raise_exception('no system role') }}", ""])
def test_a_broken_chat_template_is_refused_with_words(template, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(BUNDLED / name, tmp_path / name)
    (tmp_path / "chat_template.jinja").write_text(template)

    with pytest.raises(BadTokenizer, match=r"cannot be used|no chat template"):
        load_tokenizer("transformers", str(tmp_path))


@pytest.mark.parametrize("content", ["{", "{}", '{"model": 1}', "[]", "\xff", '{"added_tokens": [], "model": {}}'])
def test_a_broken_tokenizer_file_is_refused_with_words(content, tmp_path):
    (tmp_path / "tokenizer.json").write_text(content, encoding="latin-1")
    with pytest.raises(BadTokenizer, match="cannot be loaded"):
        load_tokenizer("transformers", str(tmp_path))


def test_importing_it_loads_nothing_heavy():
    code = "import sys, workers.prompt; print([*{'torch', 'transformers', 'tokenizers'}.intersection(sys.modules)])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
