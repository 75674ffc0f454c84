"""No turn is tokenised twice, the ids are those of the whole text, and what was taken back is not kept."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers import known
from workers.known import Histories, Known
from workers.models import BUNDLED
from workers.tokenizer import Message, load_tokenizer

_R1 = Path(__file__).parents[2] / "../shared/r1-tokenizer"
needs_r1 = pytest.mark.skipif(not _R1.is_dir(), reason="the R1 tokenizer is not beside the checkout")

PARTS = [
    "<｜User｜>",
    "</think>",
    "<<think>",
    "<|EOT|>",
    "<｜",
    "｜>",
    " ",
    "\n",
    "  \n\n",
    "'s",
    "1",
    "23",
    "你好",
    "é",
    "e\u0301",
    "K",
    "🙂",
]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=12), max_size=8).map("".join)


@pytest.fixture(scope="module", params=["bundled", pytest.param("r1", marks=needs_r1)])
def tokenizer(request):
    return load_tokenizer("paged", str(BUNDLED if request.param == "bundled" else _R1))


def talk_of(said):
    return [Message("user" if number % 2 == 0 else "assistant", text) for number, text in enumerate(said)]


@settings(deadline=None, max_examples=300)
@given(said=st.lists(texts, min_size=1, max_size=9))
def test_turn_by_turn_the_ids_are_those_of_the_whole_text(tokenizer, said):
    kept = Known()
    for end in range(1, len(said) + 1, 2):
        kept.begin()
        talk = talk_of(said[:end])
        assert tokenizer.knowing(kept).render(talk) == tokenizer.render(talk)
        assert tokenizer.knowing(kept).encode(said[end - 1]) == tokenizer.encode(said[end - 1])


def test_only_what_is_new_is_tokenised(tokenizer, monkeypatch):
    kept, seen = Known(), []
    talk = talk_of(["my dog", "a fine dog", "his name", "Rex"])
    tokenizer.knowing(kept).render([*talk, Message("user", "how old is he")])
    encode = type(tokenizer)._encode
    monkeypatch.setattr(type(tokenizer), "_encode", lambda self, text: seen.append(text) or encode(self, text))
    kept.begin()
    tokenizer.knowing(kept).render(
        [*talk, Message("user", "how old is he"), Message("assistant", "two"), Message("user", "so")]
    )

    assert seen == ["two", "so"]


def test_a_tokenizer_that_looks_across_marks_is_given_the_whole_text(tmp_path):
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(BUNDLED / file, tmp_path)
    spec = json.loads((tmp_path / "tokenizer.json").read_text())
    for token in spec["added_tokens"]:
        token["rstrip"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(spec))
    greedy, kept = load_tokenizer("paged", str(tmp_path)), Known()
    talk = talk_of(["  so  ", " yes ", "  and "])

    assert greedy.knowing(kept).render(talk) == greedy.render(talk)


def test_what_two_prompts_did_not_need_is_gone():
    kept = Known()
    for said in (["secret"], ["so"], ["so"]):
        kept.begin()
        for text in said:
            kept.ids.get(text, lambda text: [1])

    assert "secret" not in repr(vars(kept.ids))
    assert "so" in repr(vars(kept.ids))


def test_a_conversation_that_was_forgotten_begins_anew():
    histories = Histories()
    before, others = histories.of("a"), histories.of("b")
    histories.forget("a")

    assert histories.find("a") is None
    assert histories.of("a") is not before
    assert histories.of("b") is others

    histories.forget(None)
    assert histories.find("b") is None


def test_the_newest_conversations_are_kept_for_an_hour(monkeypatch):
    monkeypatch.setattr(known, "MAX_CONVERSATIONS", 3)
    histories = Histories()
    first = {name: histories.of(name) for name in "abc"}
    histories.of("a")
    histories.of("d")
    assert [histories.of(name) is first[name] for name in "ac"] == [True, True]

    assert histories.of("b") is not first["b"]
    first["c"].used_at -= 2 * known.KEEP_SECONDS
    assert histories.of("c") is first["c"], "it is wanted just now"
    histories.of("x"), histories.of("y")
    histories.of("c").used_at -= 2 * known.KEEP_SECONDS
    for name in "xy":
        histories.of(name)
    assert "c" not in histories._known
