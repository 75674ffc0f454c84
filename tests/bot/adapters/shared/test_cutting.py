"""Where a text is cut: everybody else waits until the place is found, so it must be found at once in any text."""

import time

import pytest

from bot.adapters.shared.cutting import best_cut


def cuts(text, most):
    start = 0
    while start + most < len(text):
        start = best_cut(text, start, start + most)
        yield start


@pytest.mark.parametrize("text", ["!", ".", "?!…", "。", "!)", ")", "a.", " ", "\n", "\n ", "a\u0301", "🇩", "🇩🇪", "👩\u200d"])
def test_a_text_that_only_repeats_itself_is_cut_quickly(text):
    began = time.thread_time()
    assert list(cuts(text * (20_000 // len(text)), 2000))
    assert time.thread_time() - began < 1


def test_a_sentence_ends_behind_what_encloses_it():
    text = 'He said: "Is it so?!" And she said nothing of it.'
    assert text[: best_cut(text, 0, 30)] == 'He said: "Is it so?!" '
