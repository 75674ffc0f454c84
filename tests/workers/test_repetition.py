"""Loops are seen soon; what people and code repeat on purpose is let through."""

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.repetition import LoopDetector, last_whole_sentence

_R1 = Path(__file__).parents[2] / "../shared/r1-tokenizer"

POEM = "\n\n".join(
    f"{verse}\nAnd the river goes on, and the river goes on,\nround the stones where the children have gone."
    for verse in [
        "The morning comes late to the mill on the hill,\nthe wheel has been turning, the water is still.",
        "The miller sits down with his bread and his cheese,\nand counts on his fingers the flowering trees.",
        "At noon there is thunder, the swallows fly low,\nthe boats are tied up and there's nowhere to go.",
        "The evening is quiet, the kettle is on,\nand somebody hums half the words of a song.",
        "The moon on the weir is a coin in a hand,\nand sleep comes like water, as slow as the sand.",
    ]
)
HARMLESS = {
    "laughter": "That is so funny, ha ha ha ha ha ha ha ha ha ha! " + "lol " * 12,
    "chinese laughter": "太好笑了" + "哈" * 29 + "，停不下来。",
    "chinese words": "好的好的好的，谢谢谢谢谢谢，慢慢慢慢来。" * 3,
    "counting": "\n".join(f"{i}. The number {i} is followed by {i + 1}." for i in range(1, 60)),
    "times table": "\n".join(f"{i} x {k} = {i * k}" for i in range(1, 10) for k in range(1, 10)),
    "table": "| day | task | done |\n|---|---|---|\n"
    + "\n".join(f"| {d} | read chapter {i} | no |" for i, d in enumerate("MTWTFSS" * 4)),
    "shopping list": "\n".join(f"- {food}" for food in ["eggs", "milk", "bread", "rice", "tea"] * 4),
    "code": "\n".join(
        f'    def test_{n}(self):\n        self.assertEqual(parse("{n}"), {i})\n' for i, n in enumerate("abcdefghijklmnop")
    ),
    "array": "board = [\n" + "    [0, 0, 0],\n" * 3 + "]",
    "zeros": "weights = [" + "0, " * 20 + "0]",
    "rule": "Title\n" + "=" * 40 + "\n" + "- " * 20,
    "poem": POEM,
}


@pytest.fixture(scope="module")
def encode():
    if not _R1.is_dir():
        pytest.skip("the R1 tokenizer is not beside the checkout")
    from workers.tokenizer import load_tokenizer

    return load_tokenizer("transformers", str(_R1)).encode


def tokens_until_noticed(ids, most=5000):
    detector = LoopDetector()
    return next((number for number, id in enumerate(itertools.islice(ids, most), 1) if detector.feed([id])), None)


@pytest.mark.parametrize("name", HARMLESS)
def test_repeating_on_purpose_is_no_loop(name, encode):
    assert not LoopDetector().feed(encode(HARMLESS[name]))


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("Wait. ", 100),
        ("I should think again. ", 110),
        ("我再想一想。", 110),
        ("是", 100),
        ("Let me check the sum once more, because 3 plus 4 may not be 7 after all. Hmm. ", 220),
    ],
)
def test_a_loop_is_noticed(text, within, encode):
    start = encode("Okay, so I need to find a kind answer here.")
    number = tokens_until_noticed(encode(text * 400))
    assert number <= within
    assert tokens_until_noticed([*start, *encode(text * 400)]) <= within + len(start) + 8


def test_a_long_paragraph_over_and_over_is_noticed(encode):
    paragraph = encode(POEM)[:200]
    assert tokens_until_noticed(itertools.cycle(paragraph)) <= 4 * 200


def test_a_loop_with_a_number_that_grows_is_noticed(encode):
    step = (
        "Attempt {}: maybe the answer is hidden in what they asked first, so I read the question from the start, slowly, "
        "word by word, and I still do not see how it could be meant in another way than before. "
    )
    assert tokens_until_noticed(encode("".join(step.format(n) for n in range(1, 30)))) <= 400


@pytest.mark.parametrize("period", [1, 2, 7, 31, 32, 33, 64, 150, 200])
def test_a_loop_of_any_period_is_noticed_in_time(period):
    assert tokens_until_noticed(itertools.cycle(range(period))) <= max(112, 3 * period + 120)


@pytest.mark.parametrize("seed", range(5))
def test_random_text_is_no_loop(seed):
    dice = random.Random(seed)
    assert not LoopDetector().feed(dice.randrange(500) for _ in range(1500))


@given(st.integers(1, 40), st.integers(1, 50))
def test_it_does_not_matter_in_which_portions_tokens_come(period, size):
    ids = [*range(1000, 1037), *([*range(period)] * 300)][:1500]
    portions = LoopDetector()
    noticed = next(i + size for i in range(0, len(ids), size) if portions.feed(ids[i : i + size]))
    assert noticed - size < tokens_until_noticed(ids) <= noticed


def test_it_keeps_only_what_it_needs():
    detector, dice = LoopDetector(), random.Random(1)
    detector.feed(dice.randrange(50) for _ in range(5000))
    assert len(detector._times) <= 1024


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I am here. Tell me mo", "I am here."),
        ("I am here.", "I am here."),
        ("Really?! You know what I", "Really?!"),
        ('She said "go." Then sh', 'She said "go."'),
        ("Good night! 😊 Sleep wel", "Good night! 😊"),
        ("我在这里。你今天过得怎", "我在这里。"),
        ("他说：“好的。”然后他", "他说：“好的。”"),
        ("It is 3.14 for", "It is 3.14 for"),
        ("Fine. Ask Dr. Lee abo", "Fine."),
        ("Two things:\n1. Rest well.\n2. Dri", "Two things:\n1. Rest well."),
        ("Buy\n- eggs\n- milk\n- bre", "Buy\n- eggs\n- milk"),
        ("Try this.\n\n```python\nx = 1.\nprint(", "Try this."),
        ("Try this:\n\n```python\nx = 1.\n```", "Try this:\n\n```python\nx = 1.\n```"),
        ("Try this:\n```\nx = 1.\n```\nIt pri", "Try this:\n```\nx = 1.\n```"),
        ("नमस्ते!\nमैं यहाँ हूँ। आप कै", "नमस्ते!\nमैं यहाँ हूँ।"),
        ("مرحبا!\nكيف حالك؟ نعم، أ", "مرحبا!\nكيف حالك؟"),
        ("سلام!\nمیں یہاں ہوں۔ آپ کی", "سلام!\nمیں یہاں ہوں۔"),
        ("no end in sight", "no end in sight"),
        ("", ""),
        ("I hear you. " + "You are not alone. " * 20 + "You are n", "I hear you. You are not alone."),
        ("好。" + "我会一直陪着你的，别担心。" * 12 + "我会", "好。我会一直陪着你的，别担心。"),
        ("love " * 80, "love"),
    ],
)
def test_text_is_cut_after_its_last_whole_sentence(text, kept):
    assert last_whole_sentence(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Try this.\n\n```python\n" + "".join(f"x{n} = {n * n}\n" for n in range(100)),
        "สวัสดี!\n" + " ".join(f"ฉันเห็นต้นไม้{n}ต้น" for n in range(100)),
        "Yes!\n" + ", ".join(f"{n} bottles of beer" for n in range(100)),
    ],
)
def test_where_nothing_has_ended_for_long_all_of_it_is_kept(text):
    assert last_whole_sentence(text).rstrip() == text.rstrip()


@given(st.text(alphabet="ab .。!?`\n1", max_size=200))
def test_what_is_kept_is_the_beginning_of_the_text(text):
    kept = last_whole_sentence(text)
    assert text.startswith(kept)
    assert bool(kept) == bool(text.strip())


def test_a_long_text_is_cut_in_no_time():
    assert last_whole_sentence("a" * 50_000) == "a"
    assert last_whole_sentence("ab" * 4_000 + "c. d") == "ab" * 4_000 + "c."
