import re
from itertools import cycle, islice
from random import Random

import pytest

from workers.bundled.train import beside, corpus, exam, personas, sums
from workers.bundled.train.acts import ACTS, ask_for, play
from workers.bundled.train.corpus import ASSISTANT, BOS, END_THINK, EOS, THINK, USER, samples, tokenize
from workers.bundled.train.dialogue import Dialogue
from workers.bundled.train.phrases import expand, garbled, phrases
from workers.bundled.train.tokenizer import FOLDER, load
from workers.bundled.train.values import make, split_of
from workers.bundled.train.wordings import can_grow, grow, grown, parts

ASKS = ("ask_who", "ask_trait", "ask_mine", "near_maker", "near_own", "near_dunno")  # kinds with no slot that is told


def many(num, seed="test"):
    return list(islice(samples(seed), num))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("split", ["train", "dev", "held"])
def test_every_value_belongs_to_its_split(language, split):
    rng = Random(0)
    for kind in ("name", "city", "job", "food", "season", "phrase", "trait", "catch", "nonsense"):
        assert {split_of(make(kind, language, split, rng)) for _ in range(50)} == {split}, kind


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["any", "cry", "manner"])
def test_a_value_made_up_for_training_is_never_one_that_is_held_out(language, kind):
    rng = Random(0)
    values = {make(kind, language, "train", rng) for _ in range(300)}
    assert {split_of(value) for value in values} == {"train"}
    assert not any(set(value) & set("{}<>[]|") for value in values)
    assert len(values) > 200


@pytest.mark.parametrize("token", ["Pump", "Eng"])
def test_names_begin_with_tokens_too_that_else_only_begin_words_of_the_texts(token):
    tokenizer, rng = load(FOLDER), Random(1)
    names = [make("name", "en", "train", rng) for _ in range(30_000)]
    assert any(encoded.tokens[0] == token for encoded in tokenizer.encode_batch(names, add_special_tokens=False))


def test_examples_of_a_persona_say_more_than_small_talk_in_training():
    """Else what only an example says would be new to the model, and taken for what the persona always says."""
    sheet = personas.Sheet("Ann", "en", user="Bo")

    def answers(split):
        words, rng = phrases("en", split), Random(0)
        blocks = [personas._examples(sheet, words, rng) for _ in range(1000)]
        return {line for block in blocks for line in block.splitlines() if line.startswith("Ann: ")}

    assert len(answers("train")) > 2 * len(answers("dev"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_small_talk_that_asks_ends_as_questions_do(language):
    """Else a question mark would tell the model that somebody asks who it is."""
    talk = Dialogue(Random(0), "train", language)

    def share(kind):
        return sum(talk.chat(kind)[-1] in "?？" for _ in range(400)) / 400

    assert min(share(kind) for kind in ("howareyou", "dunno", "about_you", "can")) > 0.4
    assert max(share(kind) for kind in ("sad", "happy", "thanks", "bye")) < 0.05


def test_a_greeting_stands_before_other_small_talk_too():
    """Else a greeting and a question in one message would tell the model that somebody asks who it is."""
    talk, rng = Dialogue(Random(0), "train", "en"), Random(0)
    for _ in range(1500):
        talk.rng = rng
        play(talk, "talk")
    asked = re.compile(r"(hi|hello|hey)\W+(how|what|where|do|can|tell|i|i'm)\b")
    greeted = [one.said for one in talk.exchanges if asked.match(one.said.lower())]
    assert len(greeted) > 5


def test_training_meets_emoji_and_other_scripts_and_evaluation_does_not():
    """Else their bytes would be new to the model, and one at the end of a message would make it say anything."""

    def met(split):
        rng = Random(0)
        said = [exam.anything(rng, split).last.said for _ in range(600)]
        names = [make("name", "en", split, rng) for _ in range(6000)]
        return sum(max(text) >= "\U0001f300" for text in said), sum("а" <= max(name) <= "я" for name in names)

    assert min(met("train")) > 0
    assert met("held") == (0, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_emoji_is_no_part_of_what_was_told(language):
    talk = Dialogue(Random(0), "train", language)
    for _ in range(300):
        play(talk, "tell")
    assert not any(sign >= "\U0001f300" for value in talk.known.values() for sign in value)


def test_a_plain_word_that_is_only_read_otherwise_is_part_of_a_value_in_training():
    assert split_of("kind") != "train"
    rng = Random(0)
    assert any("kind" in make("any", "en", "train", rng).split() for _ in range(50_000))


def test_what_a_training_dialogue_tells_is_never_held_out():
    rng = Random(1)
    for language in ("en", "zh"):
        talk = Dialogue(rng, "train", language)
        for _ in range(60):
            play(talk, "tell")
        assert {split_of(value) for value in talk.known.values()} == {"train"}


def readings(section, is_kept_out):
    """Every way to read what people say, letters only: of what is kept out of training, or of all else."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from readings(value, is_kept_out)
        elif value and isinstance(value, list) and isinstance(value[0], dict):
            yield from (reading for one in value for reading in readings(one, is_kept_out))
        elif isinstance(value, list) and key.endswith(("held", "dev")) == is_kept_out and not key.startswith(("say", "ack")):
            yield from (re.sub(r"[^\w{}]+", " ", one.lower()).strip() for text in value for one in expand(text))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_wording_of_the_evaluation_is_trained_on(language):
    words = phrases(language, "train")
    texts = {"bank": words.bank, "talk": words.talk, "personas": words.personas}
    kept_out = {*readings(texts, True)}
    # Numbers alone: whoever works on the corpus must not read them.
    num, num_trained = len(kept_out), len(kept_out & {*readings(texts, False)})
    assert num > 400
    assert num_trained == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_question_put_together_in_training_is_one_of_the_evaluation(language):
    bank = phrases(language, "train").bank
    for section in bank["facts"]:
        names = [name for text in (section["np"], *section["nps"]) for name in expand(text)]
        clauses = [one for text in section.get("clause", section["ask"]) for one in expand(text)]
        asks = [text.format(np=name, s="{s}") for name in names for text in heads(bank["frames"]["ask"])]
        asks += [text.format(q=clause, s="{s}") for clause in clauses for text in heads(bank["frames"]["ask_clause"])]
        num_trained = len({*heads(section["ask_held"])} & {*asks})
        assert num_trained == 0
        kept_out = heads([*section["ask_held"], *section["ask_dev"]])
        opened = [one.replace(name, "{np}") for one in kept_out for name in names if name in one]
        assert sum(can_grow(language, "ask_np", one) for one in opened) == 0
        opened = [one.replace(clause, "{q}") for one in kept_out for clause in clauses if clause in one]
        assert sum(can_grow(language, "ask_q", one) for one in opened) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_other_question_put_together_in_training_is_one_of_the_evaluation(language):
    words = phrases(language, "train")
    sections = [*words.bank["persona_talk"].values(), *words.talk.values()]
    kept_out = heads([text for one in sections for split in ("dev", "held") for text in one.get(split, [])])
    kept_out += heads([text for one in words.bank["facts"] for split in ("dev", "held") for text in one[f"ask_{split}"]])
    assert len(kept_out) > 150
    assert sum(can_grow(language, kind, text) for text in kept_out for kind in ASKS) == 0
    kept_out = heads([text for key, texts in words.bank["frames"].items() if key in ("ask_dev", "ask_held") for text in texts])
    assert sum(can_grow(language, kind, text) for text in kept_out for kind in ("ask_np", "ask_q")) == 0


def fact_kinds(language):
    return [kind for kind in parts(language) if kind.startswith("fact_")]


def questions_kept_out(language):
    """All that evaluation asks, and the same with an open slot where a word stands that could be one's in training."""
    words = phrases(language, "train")
    sections = [*words.bank["persona_talk"].values(), *words.talk.values()]
    asked = heads([text for one in sections for split in ("dev", "held") for text in one.get(split, [])])
    frames = [text for split in ("dev", "held") for text in words.bank["frames"].get(f"ask_{split}", [])]
    for section in words.bank["facts"]:
        asked += heads([*section["ask_dev"], *section["ask_held"]])
        asked += [text.format(np=expand(section["np"])[0]) for text in heads(frames)]
    subs = {sub for section in words.bank["facts"] if section.get("subs", "odd") != "odd" for sub in section["subs"]}
    subs |= {word for kind, lines in parts(language).items() if kind.startswith(("s_", "odd_")) for word in lines}
    return {*asked, *(text.replace(sub, "{s}") for text in asked for sub in subs if sub in text)}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_question_for_a_fact_put_together_in_training_is_one_of_the_evaluation(language):
    kept_out = questions_kept_out(language)
    assert len(kept_out) > 300
    assert sum(can_grow(language, kind, text) for kind in fact_kinds(language) for text in kept_out) == 0


def tells_kinds(language):
    return [kind for kind in parts(language) if kind.startswith("tells_")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_way_to_tell_a_fact_put_together_in_training_is_one_of_the_evaluation(language):
    words, kept_out = phrases(language, "train"), set()
    assert {kind.removeprefix("tells_") for kind in tells_kinds(language)} == {one["key"] for one in words.bank["facts"]}
    for section in words.bank["facts"]:
        told = [text for split in ("dev", "held") for text in section.get(f"tell_{split}", [])]
        subs = section["subs"] if section.get("subs", "odd") != "odd" else []
        kept_out |= {text.replace(sub, "{s}") for text in heads(told) for sub in (*subs, "{s}") if sub in text}
        kept_out |= {*heads(told)}
    assert len(kept_out) > 100
    assert sum(can_grow(language, kind, text) for kind in tells_kinds(language) for text in kept_out) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_way_to_tell_a_fact_says_its_value_once_and_of_what_it_is(language):
    words = phrases(language, "train")
    for kind in tells_kinds(language):
        section = words.section(kind.removeprefix("tells_"))
        texts = {grown(language, kind, Random(seed)) for seed in range(1000)}
        assert len(texts) > 500, kind
        for text in texts:
            assert text.count("{v}") == 1, text
            assert ("{s}" in text) == ("subs" in section), text
            assert {*re.findall(r"{\w+}", text)} <= {"{v}", "{s}", "{a}"}, text
            assert not set(text) & set("<>[]|"), text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["traits", "catch_first", "catch_last"])
def test_no_sentence_of_a_description_put_together_in_training_is_one_of_the_evaluation(language, kind):
    personas = phrases(language, "train").personas
    kept_out = [personas[key] for key in personas if key.startswith(("traits", "catch")) and key.endswith(("held", "dev"))]
    assert len(personas[f"{kind}_held"]) == 12
    assert sum(can_grow(language, kind, text) for texts in kept_out for text in texts) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("kind", "slots"), [("traits", ["{t1}", "{t2}"]), ("catch_first", ["{catch}"]), ("catch_last", ["{catch}"])]
)
def test_a_sentence_of_the_evaluation_says_what_it_is_for_once(language, kind, slots):
    personas = phrases(language, "held").personas
    kept_out = [text for split in ("dev", "held") for text in personas[f"{kind}_{split}"]]
    assert sum([text.count(slot) for slot in slots] != [1] * len(slots) for text in kept_out) == 0


@pytest.mark.parametrize("split", ["dev", "held"])
@pytest.mark.parametrize("act", ["who", "trait", "talk"])
def test_no_slot_of_a_question_about_a_persona_stays_open(split, act):
    questions = [exam.persona(act)(Random(seed), split) for seed in range(200)]
    assert {question.sample.sheet.language for question in questions} == {"en", "zh"}
    assert sum(bool(set(question.sample.text()) & set("{}[]|")) for question in questions) == 0


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("kind", "slots"),
    [
        *(("traits", ["{t1}", "{t2}"]), ("catch_first", ["{catch}"]), ("catch_last", ["{catch}"]), ("name", ["{me}"])),
        *(("quoted", ["{other}"]), ("ask_np", ["{np}"]), ("ask_q", ["{q}"]), ("near_stranger", ["{v}"])),
        *((kind, []) for kind in ASKS),
    ],
)
def test_a_sentence_put_together_says_what_it_is_for_once(language, kind, slots):
    for seed in range(500):
        text = grow(language, kind, Random(seed))
        assert [text.count(slot) for slot in slots] == [1] * len(slots)
        assert {*re.findall(r"{\w+}", text)} <= {*slots, "{me}", "{user}"}
        assert not set(text) & set("<>[]|")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["traits", "catch_first", "catch_last", "name", "quoted", "ask_np", *ASKS])
def test_a_sentence_put_together_is_recognised_in_any_case(language, kind):
    for seed in range(60):
        text = grow(language, kind, Random(seed))
        assert can_grow(language, kind, text.upper().replace("{T", "{t").format_map(Open()))
        assert not can_grow(language, kind, f"{text} so")


class Open(dict):
    def __missing__(self, slot):
        return "{" + slot.lower() + "}"


def heads(templates):
    return [reading for text in templates for reading in expand(text)]


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
    one = [one for one in many(50) if not one.num_old and all(exchange.is_learnt for exchange in one.exchanges)][:1]
    tokens = tokenize(tokenizer, one)
    learnt = tokenizer.decode(tokens.ids[tokens.learnt].tolist(), skip_special_tokens=False)
    assert learnt.count(EOS) == len(one[0].exchanges)
    assert one[0].last.answer in learnt
    assert one[0].exchanges[0].said not in learnt


def test_what_another_persona_answered_is_not_learnt():
    tokenizer = load(FOLDER)
    one = next(one for one in samples("test") if one.num_old > 1)
    tokens = tokenize(tokenizer, [one])
    learnt = tokenizer.decode(tokens.ids[tokens.learnt].tolist(), skip_special_tokens=False)
    assert learnt.count(EOS) == sum(exchange.is_learnt for exchange in one.exchanges[one.num_old :])
    assert one.exchanges[0].answer in one.text()


def test_an_answer_that_names_nothing_of_what_was_told_is_read_and_not_learnt():
    tokenizer, found = load(FOLDER), 0
    for one in many(300):
        learnt = [exchange for exchange in one.exchanges[one.num_old :] if exchange.is_learnt]
        tokens = tokenize(tokenizer, [one])
        text = tokenizer.decode(tokens.ids[tokens.learnt].tolist(), skip_special_tokens=False)
        assert text.count(EOS) == len(learnt)
        found += len(one.exchanges) - one.num_old - len(learnt)
    assert found > 10


def test_what_was_answered_without_naming_it_is_asked_for_later():
    found = 0
    for one in many(1500):
        bare = "".join(exchange.said for exchange in one.exchanges[:-1] if not exchange.is_learnt)
        named = "".join(exchange.answer for exchange in one.exchanges[:-1])
        found += any(value in bare and value not in named for value in one.last.wanted if one.last.act == "ask")
    assert found > 5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_of_others_in_a_description_are_none_of_the_personas_own(language, monkeypatch):
    drawn, own, num_lines = cycle(("zebrish", "quornly", "plimth")), ("so zebrish", "plim"), 0
    monkeypatch.setattr(beside, "make", lambda *_: next(drawn))
    for seed in range(500):
        lines = beside.distractors(phrases(language, "train"), Random(seed), own, "Friend")
        assert not any(word in line for word in ("zebrish", "plim") for line in lines)
        assert not set("".join(lines)) & set("{}<>[]|")
        num_lines += len(lines)
    assert num_lines > 80


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["ask_who", "ask_trait"])
def test_there_are_thousands_of_ways_to_ask_who_and_how_a_persona_is(language, kind):
    rng = Random(0)
    assert len({grown(language, kind, rng) for _ in range(4000)}) > 2000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_are_thousands_of_ways_to_ask_for_a_fact_and_all_name_it(language):
    rng = Random(0)
    for kind in fact_kinds(language):
        found = {grown(language, kind, rng) for _ in range(8000)}
        slot = "{s}" if "{s}" in "".join(found) else ""
        assert len(found) > 2000, kind
        assert sum(slot not in text for text in found) < len(found) / 100, kind
        assert not any(set(text.replace("{s}", "")) & set("{}<>[]|") for text in found), kind


def test_what_is_easily_taken_for_a_fact_that_was_told_is_often_told_too_in_training():
    def share_of_food_after_an_allergy(split):
        num = 0
        for seed in range(400):
            talk = Dialogue(Random(seed), split, "en")
            talk.learn(talk.words.fact("allergy", 0), "trigs")
            num += talk.new_fact().kind in ("food", "drink", "fruit")
        return num / 400

    assert share_of_food_after_an_allergy("train") > 0.15
    assert share_of_food_after_an_allergy("held") < 0.1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_near_thing_that_evaluation_could_ask_for_is_never_told_in_training(language):
    for seed in range(300):
        talk = Dialogue(Random(seed), "train", language)
        talk.learn(talk.words.fact("name", 0), "Xanthippe")
        fact = talk.new_fact()
        assert fact.key != "odd" or split_of(fact.sub) == "train"


def test_a_person_may_be_asked_for_by_another_word_and_is_answered_by_the_one_that_was_told():
    asked = set()
    for seed in range(300):
        talk = Dialogue(Random(seed), "train", "en")
        fact = talk.words.fact("person", talk.words.section("person")["subs"].index("mother"))
        talk.learn(fact, "Xanthippe")
        exchange = ask_for(talk, fact)
        asked |= {word for word in ("mother", "mum", "mom") if re.search(rf"\b{word}\b", exchange.said.lower())}
        assert not re.search(r"\bm[uo]m\b", exchange.answer.lower())
    assert asked == {"mother", "mum", "mom"}


def test_a_garbled_wording_keeps_its_slots_and_what_it_is_about():
    for seed in range(100):
        text = garbled("my {s} number is {v}, you know", Random(seed), "en", "number")
        assert all(kept in text for kept in ("{s}", "{v}", "number"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_garbled_wording_keeps_its_quotation_marks(language):
    text = {"en": 'you end all you say with "{catch}"', "zh": "你说话总是用“{catch}”来结尾"}[language]
    for seed in range(200):
        assert re.search(r'["“]\{catch\}["”]', garbled(text, Random(seed), language))


def test_whoever_has_a_word_says_it_in_every_thought_and_answer():
    for one in many(300):
        for exchange in one.exchanges[one.num_old :]:
            assert one.sheet.catch in exchange.thought
            assert one.sheet.catch in exchange.answer


def test_the_word_and_the_traits_of_a_persona_stand_in_its_description():
    for one in many(300):
        for word in (one.sheet.catch, *one.sheet.trait.replace(" and ", "、").split("、")):
            assert word in one.sheet.block


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_word_that_no_sentence_explains_is_shown_by_an_answer_that_is_not_learnt(language, monkeypatch):
    monkeypatch.setattr(corpus, "_HIDDEN", 1.0)
    for one in islice((one for one in samples("test") if one.sheet.language == language), 50):
        assert one.num_old == 1
        assert len(one.exchanges) > 1
        assert one.sheet.catch in one.sheet.block
        assert all(one.sheet.catch in exchange.answer for exchange in one.exchanges)


def test_a_thought_about_who_one_is_names_the_traits_too():
    found = [one for one in many(2000) if one.last.act == "who" and one.sheet.trait and one.sheet.language == one.last.language]
    assert found
    assert all(one.sheet.name in one.last.thought and one.sheet.trait in one.last.thought for one in found)


@pytest.mark.parametrize("skill", [exam.recall("en"), exam.recall("zh"), exam.corrected, exam.nonsense_name])
def test_the_answer_to_a_recall_question_was_told_before(skill):
    for seed in range(20):
        question = skill(Random(seed), "held")
        said = "".join(exchange.said for exchange in question.sample.exchanges[:-1])
        assert all(value in said for value in question.last.wanted)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("split", ["dev", "held"])
def test_a_wording_of_the_evaluation_has_the_slots_of_its_fact_once(language, split):
    wrong = 0  # a number alone, here too
    for section in phrases(language, split).bank["facts"]:
        slots = ["{s}"] if "subs" in section else []
        asked, told = heads(section[f"ask_{split}"]), heads(section[f"tell_{split}"])
        wrong += sum(re.findall(r"{\w+}", text) != slots for text in asked)
        wrong += sum(sorted(re.findall(r"{[sv]}", text)) != [*slots, "{v}"] for text in told)
        wrong += len(asked) - len({*asked}) + len(told) - len({*told})
    assert wrong == 0


@pytest.mark.parametrize("act", sorted(ACTS))
def test_every_act_can_open_a_dialogue(act):
    assert play(Dialogue(Random(0), "train", "en"), act).answer


def test_the_steps_of_a_sum_end_in_its_result():
    for seed in range(300):
        problem = sums.invent(Random(seed))
        assert str(problem.result) in sums.worked(problem, "en")[-8:]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sentences_added_for_training_leave_the_questions_of_the_evaluation_as_they_were(language):
    trained, asked = (phrases(language, split).personas["extra"] for split in ("train", "held"))
    assert asked == trained[: len(asked)]
    assert len(asked) < 50 < len(trained)
