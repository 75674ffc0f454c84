"""Every bar of the evaluation, asked anew, as in the model's card. Sampled replies are judged there alone."""

import pytest

from workers.bundled.train.evaluate import TESTS, Examiner, _questions
from workers.bundled.train.tokenizer import FOLDER


@pytest.fixture(scope="module")
def examiner():
    return Examiner(FOLDER)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("test", [pytest.param(test, id=test.skill) for test in TESTS if test.bar])
def test_the_model_in_the_box_reaches_the_bar(test, examiner):
    questions = _questions(test, 5000, "held")
    right = sum(map(test.judge, questions, examiner.replies(questions)))
    assert right / len(questions) >= test.bar
