"""Rules and numbers: what is noticed, what is not, where to call, and what an operator's file changes."""

import pytest
from structlog.testing import capture_logs

from bot.conduct import BadConduct, CareCount, Conduct, Disclosures, warn_of_changes
from tests.sayings import talk

SHIPPED = Conduct.of()


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to be alive!",
        "i dont want to live anymore",
        "Sometimes I want to die",
        "I'm thinking about killing... I mean I could kill myself",
        "thinking about killing myself",
        "I feel suicidal",
        "they would be better off without me",
        "I’ve been cutting myself again",
        "there is no point in living",
        "I just want to end it all",
        "I cannot go on.",
        "I can't do this any more",
        "i want to unalive myself",
        "kms",
        "I wish I was never born",
        "I'd rather be dead",
        "life isn't worth living",
        "I want to just die",
        "thinking of jumping? I could jump off a bridge",
        "I took an overdose",
        "kill me now, this traffic lol",  # a figure of speech, mostly; care costs little
        "i don't\n  want to wake up",
        "I don't see a reason to live",
        "我不想活了",
        "好想死",
        "我想自杀",
        "活着没意思，真的活不下去了",
        "有时候想结束自己的生命",
        "活着真没意思",
        "我撑不下去了",
        "不如死了算了",
        "没有我他们会更好",
        "我想伤害自己",
        "想从楼上跳楼",
        "真的不想再醒来",
        "我想消失",
        "我活膩了",
        "我想輕生",
    ],
)
def test_words_that_may_mean_danger_are_noticed(text):
    assert SHIPPED.speaks_of_self_harm(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "I killed a process on my server",
        "this joke is killing me",
        "killing me softly with his song",
        "I'm dying to know what happened",
        "I cut myself a slice of cake",
        "I want to live in Lisbon",
        "I don't want to live in London any more",
        "my battery died",
        "I do not want to wake the baby up",
        "have you seen Suicide Squad?",
        "I hurt my knee",
        "I can't go on holiday this year",
        "I can't go on Friday, sorry",
        "how do I kill a zombie process",
        "he wants to kill me in this game",
        "I could kill for a coffee",
        "never going to give you up",
        "my goodbye party was fun",
        "take my life insurance for example",
        "我想死你了！",
        "想死妳了",
        "笑死我了",
        "困死了，晚安",
        "我想活得开心",
        "这道题难死了",
        "不想活动了，好累",
        "我想死磕这道题",
        "自杀小队好看吗",
        "自杀式袭击的新闻",
        "手机死机了",
    ],
)
def test_everyday_words_are_not(text):
    assert not SHIPPED.speaks_of_self_harm(text)


@pytest.mark.parametrize(
    "text",
    [
        "are you human?",
        "Are you real?",
        "are you a real person",
        "r u a bot",
        "are you really an AI?",
        "Are you ChatGPT?",
        "wait, am I talking to a robot?",
        "Am I chatting with a real person?",
        "is this a bot?",
        "you're a bot, aren't you?",
        "you are not human, right?",
        "what are you, a human or a machine?",
        "你是真人吗？",
        "你是机器人吗",
        "你到底是人还是机器",
        "你是不是AI",
        "您是真的人吗？",
        "你是人工智能吗？",
        "我是在和真人聊天吗",
        "跟我说话的是真人吗",
        "对面是真人吗",
        "你是機器人嗎",
        "你真的是真人吗",
        "你是人吗",
    ],
)
def test_asking_what_one_is_talking_to_is_noticed(text):
    assert SHIPPED.asks_what_it_is(text)


@pytest.mark.parametrize(
    "text",
    [
        "are you ok?",
        "are you a real madrid fan",
        "are you a morning person?",
        "are you in human resources?",
        "is this real gold?",
        "I am talking to a friend",
        "humans are strange",
        "I bought a robot vacuum",
        "are you sure?",
        "who are you?",
        "tell me about AI",
        "你是谁",
        "你是程序员吗",
        "你是哪里人",
        "你是中国人吗",
        "机器人真有趣",
        "你是人类学专业的吗",
        "你是机器学习专家吗",
        "我和朋友聊天",
    ],
)
def test_other_questions_are_not(text):
    assert not SHIPPED.asks_what_it_is(text)


@pytest.mark.parametrize(
    ("language", "country", "first"),
    [
        ("en", "", "USA: call or text 988"),
        ("zh", "", "中国大陆：12356"),
        ("zh", "US", "美国：988（可短信）"),
        ("en", "DE", "Germany: 0800 111 0 111"),
        ("en", "ZZ", "USA: call or text 988"),
    ],
)
def test_the_lines_of_the_country_come_or_of_the_language_and_the_worlds_always(language, country, first):
    lines = SHIPPED.lines(language, country)

    assert lines[0] == first
    assert "findahelpline.com" in lines[-1]
    assert len(lines) == 2 if country in ("US", "DE") else len(lines) > 5


def test_a_minute_of_danger_has_the_countrys_number_or_the_usual_ones():
    assert SHIPPED.emergency("en", "AU") == "000"
    assert SHIPPED.emergency("en", "") == "112, 911, 999, 000"
    assert "120" in SHIPPED.emergency("zh", "")


def own(tmp_path, text):
    file = tmp_path / "conduct.toml"
    file.write_text(text, "utf-8")
    return Conduct.of(file)


def test_an_operator_adds_signs_asks_and_lines_and_replaces_lines(tmp_path):
    conduct = own(
        tmp_path,
        """signs = ['\\bwalk into the sea\\b']
        asks = ['\\bbeep boop\\?']
        [resources.US]
        en = "Our own line: 555"
        zh = "自己的热线：555"
        [resources.FR]
        en = "France: 3114"
        zh = "法国：3114"
        emergency = "15"
        """,
    )

    assert conduct.speaks_of_self_harm("I could walk into the sea")
    assert conduct.speaks_of_self_harm("I want to die")
    assert conduct.asks_what_it_is("beep boop?")
    assert conduct.lines("en", "US")[0] == "Our own line: 555"
    assert conduct.lines("zh", "FR")[0] == "法国：3114"
    assert conduct.emergency("en", "FR") == "15"
    assert conduct.changes() == ["changed"]


def test_each_rule_of_an_operator_is_read_by_itself_with_its_own_flags_and_groups(tmp_path):
    conduct = own(tmp_path, r"""signs = ['(?i)\bsea of Glass\b', '(?P<word>farewell) (?P=word)', '(so|very) \1 tired']""")

    assert conduct.speaks_of_self_harm("down in the sea of glass")
    assert conduct.speaks_of_self_harm("farewell farewell")
    assert conduct.speaks_of_self_harm("so so tired")
    assert not conduct.speaks_of_self_harm("very so tired")


def test_an_operator_may_switch_it_off_but_the_log_says_so(tmp_path):
    conduct = own(tmp_path, "care = false\ndisclosure = false")

    assert not conduct.speaks_of_self_harm("I want to die")
    assert not conduct.asks_what_it_is("are you human?")
    assert conduct.changes() == ["without-care", "without-disclosure"]
    with capture_logs() as told:
        warn_of_changes(conduct)
    assert [(entry["log_level"], entry["change"], entry["file"]) for entry in told] == [
        ("warning", "without-care", str(conduct.file)),
        ("warning", "without-disclosure", str(conduct.file)),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signs = [", "cannot be read as TOML"),
        ("signs = ['(']", "is not a regular expression"),
        ("signs = ['a{9999999999}']", "is not a regular expression"),
        ("sings = []", "`sings`"),
        ("care = 'perhaps'", "`care`"),
        ("[resources.usa]\nen = 'a'\nzh = 'b'", "resources"),
        ("[resources.US]\nen = 'a'", "`resources.US.zh`"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path, text, said):
    with pytest.raises(BadConduct, match=r"conduct\.toml") as problem:
        own(tmp_path, text)
    assert said in str(problem.value)


def test_the_shipped_file_is_unchanged_and_says_nothing():
    with capture_logs() as told:
        warn_of_changes(SHIPPED)
    assert SHIPPED.changes() == []
    assert told == []


def test_care_is_counted_by_month_and_about_nobody(store):
    count = CareCount(store)
    count.add("2026-11")
    count.add("2026-11")
    count.add("2026-10")

    assert count.by_month() == {"2026-10": 1, "2026-11": 2}


def test_a_person_is_told_at_first_and_again_when_the_time_has_passed(store):
    told = Disclosures(store)

    assert told.take(talk(), 3)
    assert not told.take(talk(chat="another"), 3), "a person is told, not a chat"
    assert told.take(talk("2"), 3)
    assert 2.9 * 3600 < store.redis.ttl("companion:{telegram:42}:disclosed:1001") <= 3 * 3600
    store.redis.expire("companion:{telegram:42}:disclosed:1001", 0)
    assert told.take(talk(), 3)


def test_without_an_interval_a_person_is_told_once(store):
    told = Disclosures(store)

    assert [told.take(talk(), 0) for _ in range(3)] == [True, False, False]
    told.told(talk(), 3)
    assert not told.take(talk(), 0)
    assert store.redis.ttl("companion:{telegram:42}:disclosed:1001") == -1


def test_who_was_told_once_is_told_again_when_an_interval_is_set(store):
    told = Disclosures(store)
    told.take(talk(), 0)
    told.told(talk("2"), 0)

    assert [told.take(talk(), 3) for _ in range(3)] == [True, False, False]
    assert told.take(talk("2"), 3)
    assert 2.9 * 3600 < store.redis.ttl("companion:{telegram:42}:disclosed:1001") <= 3 * 3600


@pytest.mark.parametrize(
    ("text", "ok", "said"),
    [
        (None, True, "rules and crisis lines in force"),
        ("signs = []", True, "in force, by "),
        ("care = false\ndisclosure = false", True, "SWITCHED OFF: care and disclosure, by "),
        ("signs = [", False, "cannot be read as TOML"),
    ],
)
def test_the_doctor_says_what_is_in_force(tmp_path, text, ok, said):
    from bot.core.settings import load
    from bot.doctor import _conduct

    file = tmp_path / "own.toml"
    if text is not None:
        file.write_text(text)
    check = _conduct(load(conduct_file=file if text is not None else None))

    assert check.ok is ok
    assert said in check.detail
