"""The bars of the evaluation that the model in the box does not reach, asked anew; its card has all the figures."""

import pytest

from workers.bundled.train.evaluate import TESTS, Examiner, _questions
from workers.bundled.train.tokenizer import FOLDER

MISSED = {
    "recall, English, 1-8 turns": "91.0 % of 1,000: things asked for in ways never met",
    "recall, Chinese, 1-8 turns": "92.5 % of 1,000: likewise",
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
def test_19_of_20_times_it_knows_what_it_was_told(test):
    questions = _questions(test, 5000, "held")
    right = sum(map(test.judge, questions, Examiner(FOLDER).replies(questions)))
    assert right / len(questions) >= test.bar
