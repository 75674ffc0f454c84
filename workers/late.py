"""What is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


def late(make: Callable[[], T]) -> Callable[[], T]:
    """Makes it once, or again after a failure; threads that ask meanwhile wait."""
    lock, made = Lock(), list[T]()

    def get() -> T:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get
