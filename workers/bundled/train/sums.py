"""Adding and taking away as a child writes it down: digit by digit, so that the thought can carry what a glance cannot."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .values import Language


@dataclass(frozen=True, slots=True)
class Sum:
    """Two numbers under 100 and "+" or "-"."""

    a: int
    sign: str
    b: int

    @property
    def result(self) -> int:
        return self.a + self.b if self.sign == "+" else self.a - self.b


def invent(rng: Random) -> Sum:
    a, b = (rng.randint(10, 99) if rng.random() < 0.85 else rng.randint(0, 9) for _ in range(2))
    if rng.random() < 0.5:
        return Sum(a, "+", b)
    return Sum(a, "-", b) if rng.random() < 0.2 else Sum(max(a, b), "-", min(a, b))


def worked(problem: Sum, language: Language) -> str:
    """The steps, ones first, ending with the result."""
    if problem.result < 0:
        return f"{problem.a}-{problem.b}<0. " + worked(Sum(problem.b, "-", problem.a), language) + f" -> {problem.result}"
    steps = _added(problem) if problem.sign == "+" else _taken(problem)
    ending = f"So {problem.result}." if language == "en" else f"所以{problem.result}。"
    return f"{problem.a}{problem.sign}{problem.b}: {steps}. {ending}"


def _added(problem: Sum) -> str:
    (tens_a, ones_a), (tens_b, ones_b) = divmod(problem.a, 10), divmod(problem.b, 10)
    carry, rest = divmod(ones_a + ones_b, 10)
    return f"{ones_a}+{ones_b}={ones_a + ones_b}, {rest}, {carry}; {tens_a}+{tens_b}+{carry}={tens_a + tens_b + carry}"


def _taken(problem: Sum) -> str:
    (tens_a, ones_a), (tens_b, ones_b) = divmod(problem.a, 10), divmod(problem.b, 10)
    loan = 1 if ones_a < ones_b else 0
    ones = f"{10 * loan + ones_a}-{ones_b}={10 * loan + ones_a - ones_b}, {loan}"
    return f"{ones}; {tens_a}-{tens_b}-{loan}={tens_a - tens_b - loan}"
