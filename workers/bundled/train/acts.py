"""What can happen in a dialogue: `play(talk, act)` appends one exchange; the acts are in `ACTS`.

Each exchange knows what its answer must hold, for the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import about, strays, sums
from .asking import question
from .dialogue import Dialogue, Exchange
from .phrases import Fact
from .telling import listed, slots_of, statement, tell
from .values import make

_CHAT = ("day", "food", "sad", "happy", "tired", "bored", "anxious", "angry")
_FEELINGS = {"sad", "anxious", "angry", "happy", "lonely", "tired", "crisis"}


def _ask(talk: Dialogue) -> Exchange | None:
    facts = talk.tellable()
    return ask_for(talk, talk.rng.choice(facts)) if facts else None


def ask_for(talk: Dialogue, fact: Fact) -> Exchange:
    """The person asks for something they told."""
    value = talk.known[fact.id]
    says = [*talk.words.section(fact.key)["say"], *talk.frames["say"]]
    thought, answer = talk.think("ask", **slots_of(fact, value)), talk.answer(says, **slots_of(fact, value))
    others = tuple(other for id, other in talk.known.items() if id not in (fact.id, "name/0"))
    talk.last_fact = fact.id
    return talk.exchange("ask", question(talk, fact), thought, answer, wanted=(value,), unwanted=others)


def _ask_unknown(talk: Dialogue) -> Exchange:
    fact = talk.new_fact()
    if fact.key == "name" and talk.sheet.user not in ("", talk.words.personas["friend"]):
        answer = talk.answer(talk.frames["known_as"], user=talk.sheet.user)
    else:
        answer = talk.answer(talk.frames["unknown"], **fact.slots)
    others = tuple(other for id, other in talk.known.items() if id != "name/0")
    return talk.exchange("unknown", question(talk, fact), talk.think("unknown", **fact.slots), answer, unwanted=others)


def _ask_forgotten(talk: Dialogue) -> Exchange | None:
    facts = [fact for fact in talk.forgotten.values() if fact.np.startswith("我") == (talk.language == "zh")]
    if not facts:
        return None
    fact = talk.rng.choice(facts)
    answer = talk.answer(talk.frames["forgotten"], **fact.slots)
    return talk.exchange("forgotten", question(talk, fact), talk.think("forgotten", **fact.slots), answer)


def _correct(talk: Dialogue) -> Exchange | None:
    facts = talk.tellable()
    if not facts:
        return None
    recent = [fact for fact in facts if fact.id == talk.last_fact]
    return correct(talk, recent[0] if recent and talk.rng.random() < 0.6 else talk.rng.choice(facts))


def correct(talk: Dialogue, fact: Fact) -> Exchange:
    """The person says that it is otherwise."""
    old, value = talk.known[fact.id], talk.new_value(fact)
    is_recent = fact.id == talk.last_fact
    slots = {**slots_of(fact, value), "old": old}
    if talk.rng.random() < 0.5:
        lead = talk.rng.choice(talk.frames["correct_no"]).format(old=old)
        said = statement(talk, fact, value, lead)
    else:
        templates = talk.words.said(talk.frames, "correct")
        said = talk.write([t for t in templates if is_recent or "{np}" in t], question=False, **slots)
    talk.learn(fact, value)
    answer = talk.answer(talk.frames["correct_ack"], **slots)
    return talk.exchange("correct", said, talk.think("correct", **slots), answer, wanted=(value,))


def _forget(talk: Dialogue) -> Exchange | None:
    facts = [fact for fact in talk.tellable() if talk.facts[fact.id] == fact]
    if not facts:
        return None
    fact = talk.rng.choice(facts)
    talk.unlearn(fact)
    said = talk.write(talk.words.said(talk.frames, "forget"), question=False, **fact.slots)
    answer = talk.answer(talk.frames["forget_ack"], **fact.slots)
    return talk.exchange("forget", said, talk.think("forget", **fact.slots), answer)


def _ask_many(talk: Dialogue) -> Exchange | None:
    facts = talk.tellable()
    if len(facts) != len(talk.known) or len(facts) > 6:
        return None
    said = talk.write(talk.words.said(talk.frames, "many_ask"), question=True)
    if not facts:
        return talk.exchange("many", said, talk.think("many"), talk.answer(talk.frames["many_none"]))
    answer = talk.answer(talk.frames["many_say"], list=listed(talk, facts))
    return talk.exchange("many", said, talk.think("many"), answer, wanted=tuple(talk.known.values()))


def _talk(talk: Dialogue) -> Exchange:
    if talk.split == "train" and talk.rng.random() < 0.2:
        return about.near_miss(talk)
    kind = talk.rng.choice([*talk.words.talk])
    section = talk.words.talk[kind]
    thought = talk.think("feel" if kind in _FEELINGS else "dunno" if kind == "dunno" else "talk")
    if talk.split == "train" and kind == "agree" and talk.rng.random() < 0.3:
        said = strays.emoji(talk.rng)
    else:
        said = about.with_aside(talk, talk.chat(kind), ("greet",))
    return talk.exchange("talk", said, thought, talk.answer(section["say"]))


def _ramble(talk: Dialogue) -> Exchange:
    """A long message, with names of other people's animals in it that are nobody's answer.

    In training something is told in the middle of some; the answer goes by it, so it is read and not learnt.
    """
    lines = []
    for _ in range(talk.rng.randint(10, 45) if talk.is_long else talk.rng.randint(3, talk.rng.choice((6, 10, 25)))):
        if talk.rng.random() < 0.2:
            fact, value = talk.words.fact("pet", talk.rng.randrange(20)), make("petname", talk.language, talk.split, talk.rng)
            lines.append(talk.write(talk.frames["other"], question=False, s=fact.sub, v=value))
        else:
            lines.append(talk.chat(talk.rng.choice(_CHAT)))
    thought, is_telling = talk.think("feel"), talk.split == "train" and talk.rng.random() < 0.25
    if is_telling:
        fact = talk.new_fact()
        value = talk.new_value(fact)
        talk.learn(fact, value)
        lines.insert(talk.rng.randint(0, len(lines)), statement(talk, fact, value))
        thought = talk.think("tell", **slots_of(fact, value))
    said = ("" if talk.language == "zh" else " ").join(line if line[-1] in ".!?。！？" else f"{line}." for line in lines)
    exchange = talk.exchange("ramble", said, thought, talk.answer(talk.words.talk["day"]["say"]))
    return replace(exchange, is_learnt=not is_telling)


def _sum(talk: Dialogue) -> Exchange:
    section = talk.words.bank["sum"]
    problem = sums.invent(talk.rng)
    op = talk.rng.choice(section["plus" if problem.sign == "+" else "minus"])
    slots = {"a": str(problem.a), "b": str(problem.b), "op": op, "sign": problem.sign, "r": str(problem.result)}
    said = talk.write(talk.words.said(section, "ask"), question=True, **slots)
    thought = talk.think("sum", steps=sums.worked(problem, talk.language))
    return talk.exchange("sum", said, thought, talk.answer(section["say"], **slots), wanted=(slots["r"],))


def _repeat(talk: Dialogue) -> Exchange:
    section = talk.words.bank["repeat"]
    values = (make("odd", talk.language, talk.split, talk.rng) for _ in range(talk.rng.choice((1, 1, 2, 4))))
    value = " ".join(values)
    said = talk.write(talk.words.said(section, "ask"), question=False, v=value)
    answer = talk.answer(section["say"], v=value)
    return talk.exchange("repeat", said, talk.think("repeat", v=value), answer, wanted=(value,))


def _language(talk: Dialogue) -> Exchange:
    section = talk.words.bank["language"]
    said = talk.write(talk.words.said(section, "ask"), question=False)
    return talk.exchange("language", said, talk.think("talk"), talk.answer(section["say"]))


ACTS: dict[str, Callable[[Dialogue], Exchange | None]] = {
    "tell": tell,
    "ask": _ask,
    "unknown": _ask_unknown,
    "forgotten": _ask_forgotten,
    "correct": _correct,
    "forget": _forget,
    "many": _ask_many,
    "who": about.who,
    "trait": about.trait,
    "human": about.human,
    "talk": _talk,
    "ramble": _ramble,
    "sum": _sum,
    "repeat": _repeat,
    "language": _language,
}


def play(talk: Dialogue, act: str) -> Exchange:
    """Play one act; one that cannot be played yet (nothing to correct) becomes small talk."""
    before = talk.last_fact
    exchange = ACTS[act](talk) or _talk(talk)
    if talk.last_fact == before:
        talk.last_fact = ""
    talk.exchanges.append(exchange)
    return exchange
