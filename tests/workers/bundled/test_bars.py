"""The two bars of the evaluation that the model in the box does not reach, asked anew; its card has all the figures."""

import pytest

from workers.bundled.train.evaluate import TESTS, Examiner, _questions
from workers.bundled.train.tokenizer import FOLDER

MISSED = {
    "persona: name": "90.0 % of 500: one of five English ways to ask who it is fails nearly always",
    "persona: trait": "93.4 % of 500: one English sentence of a description, and a few Chinese ones",
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "test",
    [
        pytest.param(test, id=test.skill, marks=pytest.mark.xfail(strict=True, reason=MISSED[test.skill]))
        for test in TESTS
        if test.skill in MISSED
    ],
)
def test_19_of_20_times_it_says_who_or_how_its_persona_is_with_the_word_it_always_says(test):
    questions = _questions(test, 5000, "held")
    right = sum(map(test.judge, questions, Examiner(FOLDER).replies(questions)))
    assert right / len(questions) >= test.bar
