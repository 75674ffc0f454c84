import pytest

from bot.conduct import speaks_of_self_harm


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to be alive!",
        "i dont want to live anymore",
        "Sometimes I want to die",
        "I'm thinking about killing... I mean I could kill myself",
        "I feel suicidal",
        "they would be better off without me",
        "I’ve been cutting myself again",
        "there is no point in living",
        "I just want to end it all",
        "我不想活了",
        "好想死",
        "我想自杀",
        "活着没意思，真的活不下去了",
        "有时候想结束自己的生命",
    ],
)
def test_words_that_may_mean_danger_are_noticed(text):
    assert speaks_of_self_harm(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "I killed a process on my server",
        "this joke is killing me",
        "I'm dying to know what happened",
        "I cut myself a slice of cake",
        "I want to live in Lisbon",
        "my battery died",
        "I do not want to wake the baby up",
        "我想死你了！",
        "笑死我了",
        "困死了，晚安",
        "我想活得开心",
        "这道题难死了",
    ],
)
def test_everyday_words_are_not(text):
    assert not speaks_of_self_harm(text)
