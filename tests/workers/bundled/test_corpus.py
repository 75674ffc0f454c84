from itertools import islice
from random import Random

import pytest

from workers.bundled.train import exam, sums
from workers.bundled.train.acts import ACTS, play
from workers.bundled.train.corpus import ASSISTANT, BOS, END_THINK, EOS, THINK, USER, samples, tokenize
from workers.bundled.train.dialogue import Dialogue
from workers.bundled.train.phrases import phrases
from workers.bundled.train.tokenizer import FOLDER, load
from workers.bundled.train.values import is_held_out, make


def many(num, seed="test"):
    return list(islice(samples(seed), num))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("split", ["train", "held"])
def test_every_value_belongs_to_its_split(language, split):
    rng = Random(0)
    for kind in ("name", "city", "job", "food", "season", "phrase", "trait", "catch", "nonsense"):
        assert all(is_held_out(make(kind, language, split, rng)) == (split == "held") for _ in range(50)), kind


def test_what_a_training_dialogue_tells_is_never_held_out():
    rng = Random(1)
    for language in ("en", "zh"):
        talk = Dialogue(rng, "train", language)
        for _ in range(60):
            play(talk, "tell")
        assert not [value for value in talk.known.values() if is_held_out(value)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_held_out_wording_is_trained_on(language):
    bank = phrases(language, "train").bank
    for section in [*bank["facts"], bank["frames"], bank["sum"], *phrases(language, "train").talk.values()]:
        for key, held in section.items():
            if key.endswith("_held"):
                assert not set(held) & set(section[key.removesuffix("_held")])
            elif key == "held":
                assert not set(held) & set(section.get("user", section.get("ask")))


def test_a_seed_always_gives_the_same_dialogues():
    assert [one.text() for one in many(20)] == [one.text() for one in many(20)]
    assert [one.text() for one in many(5)] != [one.text() for one in many(5, "another")]


def test_every_dialogue_has_r1s_form():
    for one in many(200):
        text, turns = one.text(), len(one.exchanges)
        assert text.startswith(f"{BOS}{USER}")
        assert text.endswith(EOS)
        assert (text.count(USER), text.count(ASSISTANT), text.count(EOS)) == (turns, turns, turns)
        assert text.count(THINK) == text.count(END_THINK) == 1
        assert text.index(f"{ASSISTANT}{THINK}\n") < text.index(f"\n{END_THINK}\n\n")


def test_only_answers_and_the_last_thought_are_learnt():
    tokenizer = load(FOLDER)
    one = many(1)
    tokens = tokenize(tokenizer, one)
    learnt = tokenizer.decode(tokens.ids[tokens.learnt].tolist(), skip_special_tokens=False)
    assert learnt.count(EOS) == len(one[0].exchanges)
    assert one[0].last.answer in learnt
    assert one[0].exchanges[0].said not in learnt


@pytest.mark.parametrize("skill", [exam.recall("en"), exam.recall("zh"), exam.corrected, exam.nonsense_name])
def test_the_answer_to_a_recall_question_was_told_before(skill):
    for seed in range(20):
        question = skill(Random(seed))
        said = "".join(exchange.said for exchange in question.sample.exchanges[:-1])
        assert all(value in said for value in question.last.wanted)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_every_act_can_open_a_dialogue(act):
    assert play(Dialogue(Random(0), "train", "en"), act).answer


def test_the_steps_of_a_sum_end_in_its_result():
    for seed in range(300):
        problem = sums.invent(Random(seed))
        assert str(problem.result) in sums.worked(problem, "en")[-8:]
