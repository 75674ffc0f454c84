"""Batches for training, made by processes of their own while the device is busy with the ones before."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from .corpus import Tokens, samples, tokenize

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    import numpy as np

_STEP = 32  # widths are multiples of it
# Batches each process may be ahead: more than one chunk has, so that the next is made while this one is learnt.
_WAITING = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Dialogues of about one length: `ids` [rows, width] (uint16), padded on the right; `learnt` says what counts."""

    ids: np.ndarray[Any, Any]
    learnt: np.ndarray[Any, Any]


def batches(seed: str, folder: Path, *, num_tokens: int, num_processes: int, num_dialogues: int) -> Iterator[Batch]:
    """Batches of about `num_tokens` for ever, the same for the same arguments; each from `num_dialogues` by length."""
    context = multiprocessing.get_context("spawn")
    queues: list[Queue[Batch]] = [context.Queue(_WAITING) for _ in range(num_processes)]
    makers = [
        context.Process(target=_make, args=(f"{seed}/{n}", folder, num_tokens, num_dialogues, queue), daemon=True)
        for n, queue in enumerate(queues)
    ]
    for maker in makers:
        maker.start()
    try:
        for queue in cycle(queues):
            yield queue.get(timeout=300)
    finally:
        for maker in makers:
            maker.terminate()


def _make(seed: str, folder: Path, num_tokens: int, num_dialogues: int, queue: Queue[Batch]) -> None:
    # The process that trains has to launch all that the device does, and must not wait for a processor.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if hasattr(os, "nice"):
        os.nice(10)
    for number in count():
        for batch in chunk(f"{seed}/{number}", folder, num_tokens, num_dialogues):
            queue.put(batch)


def chunk(seed: str, folder: Path, num_tokens: int, num_dialogues: int) -> list[Batch]:
    """All batches of one seed, in no order of length."""
    from .tokenizer import load

    tokens = tokenize(load(folder), [*islice(samples(seed), num_dialogues)])
    found = [*_by_length(tokens, num_tokens)]
    Random(seed).shuffle(found)  # noqa: S311
    return found


def _by_length(tokens: Tokens, num_tokens: int) -> Iterator[Batch]:
    lengths = tokens.bounds[1:] - tokens.bounds[:-1]
    order = lengths.argsort(kind="stable")[::-1]
    start = 0
    while start < len(order):
        width = -(-int(lengths[order[start]]) // _STEP) * _STEP
        rows = order[start : start + max(1, num_tokens // width)]
        yield _padded(tokens, rows, width)
        start += len(rows)


def _padded(tokens: Tokens, rows: np.ndarray[Any, Any], width: int) -> Batch:
    import numpy as np

    ids, learnt = np.zeros((len(rows), width), np.uint16), np.zeros((len(rows), width), bool)
    for row, number in enumerate(rows):
        start, end = tokens.bounds[number], tokens.bounds[number + 1]
        ids[row, : end - start] = tokens.ids[start:end]
        learnt[row, : end - start] = tokens.learnt[start:end]
    return Batch(ids, learnt)
