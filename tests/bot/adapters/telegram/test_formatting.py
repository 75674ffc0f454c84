"""Markdown as Telegram shows it, and its splitting: on generated text in both languages, at every prefix of a stream."""

import re

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.telegram.formatting import Mark, Styled, quote, style, utf16_len
from bot.adapters.telegram.splitting import split
from tests.fakes.telegram import check_text, piece

WORDS = [
    "hello",
    "*waves*",
    "**so**",
    "`x = 1`",
    "world.",
    "你好，",
    "我在想。",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "🇩🇪",
    "a_b_c",
    "[l](http://x.y)",
    "<b>",
    "~~no~~",
]
BLOCKS = [
    "\n\n",
    "\n",
    " ",
    "\n```python\n",
    "\n```\n",
    "\n- ",
    "\n> ",
    "\n# ",
    "\n| a | b |\n|--|--|\n| 1 | 2 |\n",
    "***",
    "$x^2$",
    "||",
    "    ",
    "\n[hello]: world.\n",
    "\n- [hello]:\n  world.",
]
markdown = st.lists(st.sampled_from(WORDS + BLOCKS) | st.text(max_size=8), max_size=60).map("".join)


def as_json(part):
    return [{"type": mark.kind, "offset": mark.start, "length": mark.end - mark.start} for mark in part.marks]


def check(parts, max_units=4096):
    for part in parts:
        check_text(part.text, as_json(part), max_units)


def bare(text):
    return "".join(text.split())


def words_of(text):
    return [(mark.kind, piece(text.text, entity)) for mark, entity in zip(text.marks, as_json(text), strict=True)]


def test_marks_stand_where_the_words_are_in_units_of_utf16():
    assert words_of(style("😀 **fett** und `code`")) == [("bold", "fett"), ("code", "code")]


def test_headings_lists_and_links_get_no_ornaments():
    assert style("# Title\n- a\n- [l](http://x.y)").text == "Title\n• a\n• l"


def test_what_is_no_markdown_stays_as_it_was_written():
    for text in ("*waves", "2 < 3", "use <div> and </b>", "a_b_c", "<think>", "**half", "price $5 and $6"):
        assert style(text) == Styled(text)


def test_what_would_be_the_address_of_a_link_is_shown_where_no_link_uses_it():
    """To Markdown such a line says where a link leads, and is not shown."""
    for text in (
        "[1]: https://example.org/a",
        "Sources:\n\n[1]: https://example.org/a\n[2]: https://example.org/b",
        "[Anna]: Hello (smiling)\n\n[Anna] smiles.",
        "[Anna]:\nHello",
        "> [Anna]: Hello",
    ):
        assert style(text).text == text.removeprefix("> ")
    assert style("```\n[Anna]: Hello\n```").text == "[Anna]: Hello"


def test_a_link_that_has_its_address_elsewhere_leads_there():
    styled = style("As [they say][A Ref] and [2].\n\n[a  ref]: https://example.org/a\n[2]: <https://example.org/b>")
    assert styled.text == "As they say and 2."
    assert [mark.url for mark in styled.marks] == ["https://example.org/a", "https://example.org/b"]


def test_half_a_surrogate_pair_does_not_cost_the_answer():
    assert style("a\ud83d b").text == "a? b"


def test_an_empty_text_is_no_message():
    assert split(style("")) == split(style(" \n ")) == split(style("```\n\n```")) == []


def test_a_thought_is_a_folded_quote_before_the_answer():
    both = quote(" I wonder ") + Styled("\n\n") + style("**Yes**")
    assert words_of(both) == [("expandable_blockquote", "I wonder"), ("bold", "Yes")]


def test_a_long_text_is_cut_between_paragraphs_then_lines_then_sentences_then_words():
    assert [part.text for part in split(Styled("one two.\n\nthree four"), 14)] == ["one two.", "three four"]
    assert [part.text for part in split(Styled("one two.\nthree four"), 14)] == ["one two.", "three four"]
    assert [part.text for part in split(Styled("One two. Three four"), 14)] == ["One two.", "Three four"]
    assert [part.text for part in split(Styled("我在这里。你好吗你好"), 8)] == ["我在这里。", "你好吗你好"]
    assert [part.text for part in split(Styled("once upona time"), 12)] == ["once upona", "time"]


def test_a_code_block_over_a_cut_is_closed_and_opened_again_in_its_language():
    code = "\n".join(f"    line({number})" for number in range(40))
    parts = split(style(f"Look:\n```python\n{code}\n```\nDone."), 200)

    assert all(any(mark.kind == "pre" and mark.language == "python" for mark in part.marks) for part in parts)
    assert all(part.text.startswith("    line") for part in parts[1:]), "the indentation of code is kept"


def test_no_message_has_more_entities_than_telegram_counts():
    parts = split(style(" ".join(f"**b{number}**" for number in range(269))))
    assert [len(part.marks) for part in parts] == [100, 100, 69]


def test_families_flags_and_accents_are_never_torn():
    for one in ("👩‍👩‍👧‍👦", "🇩🇪", "e\u0301\u0323", "한"):
        parts = split(Styled(one * 60), 32)
        assert "".join(part.text for part in parts) == one * 60
        assert all(len(part.text) % len(one) == 0 for part in parts)


def test_a_single_character_longer_than_a_message_is_cut_rather_than_lost():
    zalgo = "a" + "\u0301" * 100
    assert "".join(part.text for part in split(Styled(zalgo), 30)) == zalgo


def test_marks_that_would_cross_are_cut_in_two():
    styled = style("> one||two\n\nthree||")

    assert styled.text == "onetwo\n\nthree"
    assert styled.marks == (Mark("blockquote", 0, 6), Mark("spoiler", 3, 6), Mark("spoiler", 6, 13))
    check(split(styled))


@settings(max_examples=300, deadline=None)
@given(markdown)
def test_every_text_becomes_messages_that_telegram_takes(text):
    check(split(style(text)))


@settings(max_examples=150, deadline=None)
@given(markdown, st.integers(8, 80))
def test_nothing_is_lost_at_the_cuts_and_no_character_is_torn(text, most):
    whole = style(text)
    parts = split(whole, most)
    check(parts, most)
    assert bare("".join(part.text for part in parts)) == bare(whole.text)
    whole_characters = set(regex.findall(r"\X", whole.text))
    short = {one for one in whole_characters if utf16_len(one) <= most}
    if short == whole_characters:
        assert {one.strip() for part in parts for one in regex.findall(r"\X", part.text)} <= {one.strip() for one in short} | {
            ""
        }


@settings(max_examples=25, deadline=None)
@given(markdown)
def test_every_prefix_of_a_stream_can_be_shown(text):
    for end in range(len(text)):
        check(split(style(text[:end]), 64), 64)


@settings(max_examples=100, deadline=None)
@given(markdown)
def test_every_word_that_was_written_is_shown(text):
    """Markdown takes its own signs away and nothing else."""
    shown = style(text).text
    for word in re.findall("hello|world|你好|我在想", text):
        assert word in shown
