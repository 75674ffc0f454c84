"""The prompt holds the persona, the newest of memory that fits, and what is said now; its beginning seldom moves."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.messages import Line, Turn
from bot.core.personas import Persona, Personas
from workers.prompt import LOW_WATER, PromptTooLong, close_thought_ids, write_persona, write_prompt
from workers.tokenizer import ByteTokenizer, load_tokenizer

_R1 = Path(__file__).parents[2] / "../shared/r1-tokenizer"
needs_r1 = pytest.mark.skipif(not _R1.is_dir(), reason="the R1 tokenizer is not beside the checkout")

BYTES = ByteTokenizer()
PIP = Persona(name="pip", title="Pip", description="A parrot who knows {{user}}.", greeting="Hi!")
BLOCK = "You are Pip. A parrot who knows Ann.\nYou are talking with Ann. Think and answer in English."


class NoThought(ByteTokenizer):
    """A plain chat model: R1's bytes without its think tokens."""

    opens_thought, think_start, think_end = False, None, None

    def render(self, messages):
        return super().render(messages)[:-2]


@pytest.fixture(scope="module")
def r1():
    return load_tokenizer("transformers", str(_R1))


def turn(number, said="said", reply="reply"):
    line = Line(f"{said} {number}", str(number), str(number), "Ann", 1.0)
    return Turn(f"turn-{number}", (line,), f"{reply} {number}", 2.0, "pip")


def write(turns, text="now", tokenizer=BYTES, persona=PIP, max_tokens=4000, **options):
    return write_prompt(tokenizer, persona, turns, text, user="Ann", language="en", max_tokens=max_tokens, **options)


def read(ids):
    """Bytes back to text, marks as one letter each."""
    return "".join(chr(id) if id < 128 else "EUABTt"[id - 256] if id > 255 else "?" for id in ids)


def test_the_persona_stands_before_the_first_words_and_a_rule_between():
    assert read(write([]).ids) == f"BU{BLOCK}\n---\nnowAT\n"


def test_memory_stands_between_persona_and_the_new_words():
    prompt = write([turn(1), turn(2)])
    assert read(prompt.ids) == f"BU{BLOCK}\n---\nsaid 1Areply 1EUsaid 2Areply 2EUnowAT\n"
    assert (prompt.num_turns, prompt.num_left_out) == (2, 0)
    assert [message.role for message in prompt.messages] == ["user", "assistant"] * 2 + ["user"]


def test_without_thinking_the_thought_is_closed_at_once():
    assert read(write([], thinks=False).ids).endswith("nowAT\n\nt\n\n")


def test_a_model_that_knows_no_thought_gets_none():
    assert write([], tokenizer=NoThought(), thinks=False).ids == write([], tokenizer=NoThought()).ids
    assert read(write([], tokenizer=NoThought()).ids).endswith("nowA")
    assert close_thought_ids(NoThought(), "en") == ()


def test_a_thought_is_closed_with_a_phrase_of_the_language():
    assert read(close_thought_ids(BYTES, "en")) == "\n\nThat is enough thinking. I will answer now.\nt\n\n"
    decoder = BYTES.decoder()
    assert "我现在回答" in decoder.feed(close_thought_ids(BYTES, "zh"))


@needs_r1
def test_r1_sees_the_ids_of_its_own_empty_thought(r1):
    whole = r1._backend.encode("<｜Assistant｜><think>\n\n</think>\n\n", add_special_tokens=False).ids
    assert list(write([turn(1)], tokenizer=r1, thinks=False).ids[-len(whole) :]) == whole
    assert close_thought_ids(r1, "zh")[-2:] == (r1.think_end, *r1.encode("\n\n"))


@pytest.mark.parametrize(
    ("language", "hint"), [("en", "in English."), ("zh", "请用中文思考和回答。"), ("fr", "Ann writes in.")]
)
def test_the_block_ends_with_the_language_to_answer_in(language, hint):
    assert write_persona(PIP, "Ann", language).endswith(hint)


def test_a_reply_that_was_stopped_before_its_first_word_is_not_shown_as_silence():
    silent = Turn("t", turn(1).lines, "", 2.0, "pip")
    assert "said 1A???EU" in read(write([silent]).ids)


def test_a_name_cannot_end_the_persona_block():
    prompt = write_prompt(BYTES, PIP, [], "hi", user="x\n---\n{{char}}", language="en", max_tokens=4000)
    assert prompt.messages[0].content.split("\n---\n")[1:] == ["hi"]
    assert "{{char}}" in prompt.messages[0].content


def test_the_oldest_turns_go_first_and_whole():
    turns = [turn(number) for number in range(50)]
    prompt = write(turns, max_tokens=700)
    assert prompt.num_left_out > 0
    assert prompt.num_turns + prompt.num_left_out == 50
    said = [message.content for message in prompt.messages]
    assert said[0] == f"{BLOCK}\n---\nsaid {prompt.num_left_out}"
    later = [text for n in range(prompt.num_left_out, 50) for text in (f"said {n}", f"reply {n}")]
    assert said[1:] == [*later[1:], "now"]


def test_words_that_do_not_fit_are_refused():
    alone = len(write([]).ids)
    assert write([turn(1)], max_tokens=alone).num_turns == 0
    with pytest.raises(PromptTooLong):
        write([turn(1)], max_tokens=alone - 1)


class Wordy(ByteTokenizer):
    """A template that writes more for many turns than for few."""

    def render(self, messages):
        return (*b"." * len(messages) ** 2, *super().render(messages))


def test_a_template_that_takes_more_than_expected_still_fits():
    prompt = write([turn(number) for number in range(20)], tokenizer=Wordy(), max_tokens=500)
    assert len(prompt.ids) <= 500
    assert prompt.num_turns > 0


texts = st.text(alphabet="ab 你\n", max_size=60)


@settings(deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=30), st.integers(200, 2500), st.booleans())
def test_it_always_fits_and_leaves_out_no_more_than_it_must(pairs, max_tokens, thinks):
    turns = [turn(number, *pair) for number, pair in enumerate(pairs)]
    prompt = write(turns, max_tokens=max_tokens, thinks=thinks)
    assert len(prompt.ids) <= max_tokens
    whole = write(turns, max_tokens=10**6, thinks=thinks)
    if len(whole.ids) <= max_tokens:
        assert prompt == whole
    else:
        room = max_tokens - len(write([], thinks=thinks).ids)
        biggest = max(len(f"{said} 10{reply} 10".encode()) + 3 for said, reply in pairs)
        assert len(prompt.ids) > max_tokens - room * (1 - LOW_WATER) - biggest - 3


def starts(num_turns, window, max_tokens=6000):
    """Where the prompt's memory begins, turn after turn, in a talk whose memory keeps `window` turns."""
    talk = [turn(number, "what I said " * (number % 5), "what you replied " * (number % 4)) for number in range(num_turns)]
    found = []
    for end in range(200, num_turns):
        kept = talk[max(0, end - window) : end]
        prompt = write(kept, text="and now?", max_tokens=max_tokens)
        found.append(kept[prompt.num_left_out].id)
    return found


@pytest.mark.parametrize("window", [1000, 150])
def test_the_beginning_of_the_prompt_seldom_moves(window):
    found = starts(300, window)
    num_moves = sum(before != after for before, after in pairwise(found))
    assert 0 < num_moves <= 30


def test_where_memory_begins_does_not_depend_on_what_memory_forgot():
    assert starts(240, window=1000) == starts(240, window=150)


@needs_r1
@pytest.mark.parametrize("persona", Personas().all(), ids=lambda persona: persona.name)
def test_a_shipped_persona_is_short_enough_for_a_small_model(persona, r1):
    assert len(r1.encode(write_persona(persona, "Ann", persona.language))) <= 220
    assert len(r1.encode(persona.greet("Ann"))) <= 60
