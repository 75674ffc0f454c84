"""Long answers: each message stands for itself, and together they say what was said."""

import re
import unicodedata

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.discord.splitting import closed, split
from bot.adapters.discord.writing import DiscordForm, small
from bot.surface import Reply

WORDS = st.sampled_from(
    ["word", "two words. ", "\n", "\n\n", "一句话。", "e\u0301\u0301", "👩‍👩‍👧‍👦", "🇩🇪", "  ", "`x`", "**b**"]
)
WHOLE = st.sampled_from(["<@123456789012345678>", "<#1234>", "<:wave:99>", "<t:1700000000:R>", "https://example.org/a_b/c?d=e",
                         "[a link](https://example.org/with)", "<https://example.org/>"])  # fmt: skip
CODE = st.lists(st.sampled_from(["    x = 1", "print('a b c')", "", "# 注释", "y" * 40]), min_size=1, max_size=40).map(
    lambda lines: "\n```python\n" + "\n".join(["start", *lines, "end"]) + "\n```\n"
)
TEXTS = st.lists(st.one_of(WORDS, WORDS, WHOLE.map(lambda one: f" {one} "), CODE), max_size=60).map("".join)


def units(text):
    return len(text.encode("utf-16-le")) // 2


def bare(text):
    """What is said, without the marks of code and without any space."""
    return re.sub(r"\s+", "", re.sub(r"```(?:python\n)?", "", text))


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(120, 400))
def test_parts_are_short_whole_and_say_all(text, limit):
    parts = split(text, limit)

    assert all(0 < units(part) <= limit for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert all(code.strip() for part in parts for code in re.findall(r"```(?:python\n)?(.*?)```", part, re.DOTALL))
    assert bare("\n".join(parts)) == bare(text)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(120, 400))
def test_no_mention_link_or_character_is_cut(text, limit):
    text = regex.sub(r"(?<=\S)(?=<|\[)", " ", text)
    parts = split(text, limit)
    pattern = r"<[@#:t][^>\s]*>|\[a link\]\([^)]*\)|https://example\.org[^\s>)]*"
    assert re.findall(pattern, "\n".join(parts)) == re.findall(pattern, text)
    for part in parts:
        assert not unicodedata.combining(part[0])
        assert part[0] not in "\u200d\ufe0f"
        assert part[-1] != "\u200d"


@given(st.text(max_size=3000))
def test_any_text_is_taken(text):
    assert all(part.strip() and units(part) <= 1990 for part in split(text))


def test_code_goes_on_in_its_language_with_its_indentation():
    code = "```py\n" + "\n".join(f"    line({n})" for n in range(300)) + "\n```"
    parts = split(code)
    assert len(parts) > 2
    assert all(part.startswith("```py\n    line(") and part.endswith(")\n```") for part in parts)


def test_a_link_longer_than_a_message_is_cut_after_all():
    link = "https://example.org/" + "a" * 3000
    assert "".join(split(link)) == link


def test_code_that_is_still_being_written_is_closed():
    assert closed("So:\n```py\nx = 1\n") == "So:\n```py\nx = 1\n```"
    assert split("```py\nx = 1") == ["```py\nx = 1\n```"]


def test_a_remark_behind_code_that_was_cut_is_no_code():
    [whole] = DiscordForm().reply(Reply("```py\nx = 1", remarks=("cut",)))
    assert whole == "```py\nx = 1\n```\n\n-# cut"


@pytest.mark.parametrize("answer", ["That is all.", "So:\n```py\nx = 1\n```\nThat is all."])
def test_code_in_a_thought_that_never_ends_makes_no_code_of_the_answer(answer):
    """A thought may be cut anywhere, and its lines are small text, which holds no code of several lines."""
    [whole] = DiscordForm().reply(Reply(answer, thought="Let me see:\n```py\nx = 1", remarks=("cut",)))
    thought, _, rest = whole.partition("\n\n")
    assert rest == f"{answer}\n\n-# cut"
    assert thought.replace("\\", "") == "-# Let me see:\n-# ```py\n-# x = 1"


def test_a_long_thought_is_small_on_every_line_of_every_message():
    parts = DiscordForm().reply(Reply("Answer", thought="a thought of many words " * 300))
    assert all(line.startswith("-# ") for part in parts for line in part.replace("Answer", "").splitlines() if line.strip())


def test_small_text_keeps_its_lines():
    assert small("one\n\ntwo") == "-# one\n-# two"
