# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""What is around the layers, in a launch each: what the rows need is looked up, and what came of them is kept."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch

# Numbers of a table, and rows, that are copied at once.
_COLUMNS, _ROWS = 256, 128
# A launch of fewer chunks is not worth compiling for.
_LEAST_CHUNKS = 32


def look_up(rows: Tensor, tokens: Tensor, lengths: Tensor, tables: Tensor, page: int) -> tuple[Tensor, ...]:
    """For a step: of each slot in `rows` its last token (0 where that is -1), its length, that after the step, its blocks.

    tokens and lengths [slots], -1 for padding, tables [slots, blocks]; blocks beyond the length are left as they come.
    """
    ids, before, after = (torch.empty_like(rows) for _ in range(3))
    found = tables.new_empty((len(rows), tables.shape[1]))
    early = has_early_launch(rows.device)
    _look_up[(len(rows),)](
        rows, tokens, lengths, tables, ids, before, after, found, tables.shape[1], PAGE=page, COLUMNS=_COLUMNS, EARLY=early,
        num_warps=4, launch_pdl=early,
    )  # fmt: skip
    return ids, before, after, found


def plan(
    slots: Tensor, ends_new: Tensor, ends_all: Tensor, tables: Tensor, rope: Tensor, page: int, num: int
) -> tuple[Tensor, ...]:
    """For chunks of new tokens, `num` of them with padding: turns [num, 2, 1, width], places in the cache [num], blocks of
    each chunk [chunks, blocks] as far as it has any, and both ends as int32.

    slots [chunks], `ends_new` and `ends_all` [chunks + 1] count both up; tables [all slots, blocks], rope [context, 2, 1,
    width]. What is beyond the last end belongs to the last chunk.
    """
    turns = rope.new_empty((num, *rope.shape[1:]))
    places, found = slots.new_empty(num), tables.new_empty((len(slots), tables.shape[1]))
    ends = torch.empty((2, len(slots) + 1), dtype=torch.int32, device=slots.device)
    early, width = has_early_launch(slots.device), 2 * rope.shape[3]
    _plan[(num + len(slots),)](
        slots, ends_new, ends_all, tables, rope, turns, places, found, ends, num, len(slots), tables.shape[1], len(rope), width,
        PADDED=triton.next_power_of_2(width), PAGE=page, COLUMNS=_COLUMNS,
        CHUNKS=max(_LEAST_CHUNKS, triton.next_power_of_2(len(slots))), EARLY=early, num_warps=1, launch_pdl=early,
    )  # fmt: skip
    return turns, places, found, *ends


def keep(rows: Tensor, chosen: Tensor, num_tokens: Tensor, tokens: Tensor, lengths: Tensor) -> None:
    """Write what was chosen, and how many tokens there are, into the slots `rows`."""
    early = has_early_launch(rows.device)
    _keep[(triton.cdiv(len(rows), _ROWS),)](
        rows, chosen, num_tokens, tokens, lengths, len(rows), ROWS=_ROWS, EARLY=early, num_warps=4, launch_pdl=early
    )


@triton.jit
def _look_up(
    rows, tokens, lengths, tables, ids, before, after, found, num_columns,
    PAGE: tl.constexpr, COLUMNS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    at = tl.program_id(0)
    row = tl.load(rows + at)
    length = tl.load(lengths + row)
    tl.store(ids + at, tl.maximum(tl.load(tokens + row), 0))
    tl.store(before + at, length)
    tl.store(after + at, length + (length >= 0).to(length.dtype))
    num_used = tl.minimum((length // PAGE + 1).to(tl.int32), num_columns)
    _copy(tables + row * num_columns, found + at.to(tl.int64) * num_columns, num_used, COLUMNS)


@triton.jit(do_not_specialize=["num_tokens", "num_chunks"])
def _plan(
    slots, ends_new, ends_all, tables, rope, turns, places, found, ends, num_tokens, num_chunks, num_columns, context, width,
    PADDED: tl.constexpr, PAGE: tl.constexpr, COLUMNS: tl.constexpr, CHUNKS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    token = tl.program_id(0)
    if token < num_tokens:
        position, place = _place_of(token, slots, ends_new, ends_all, tables, num_chunks, num_columns, context, PAGE, CHUNKS)
        tl.store(places + token, place)
        column = tl.arange(0, PADDED)
        turn = tl.load(rope + position * width + column, mask=column < width, other=0.0)
        tl.store(turns + token.to(tl.int64) * width + column, turn, mask=column < width)
    else:
        chunk = token - num_tokens
        new, all = tl.load(ends_new + 1 + chunk).to(tl.int32), tl.load(ends_all + 1 + chunk).to(tl.int32)
        tl.store(ends + 1 + chunk, new)
        tl.store(ends + num_chunks + 2 + chunk, all)
        if chunk == 0:
            tl.store(ends, 0)
            tl.store(ends + num_chunks + 1, 0)
        num_used = tl.minimum(tl.cdiv(all - tl.load(ends_all + chunk).to(tl.int32), PAGE), num_columns)
        _copy(tables + tl.load(slots + chunk) * num_columns, found + chunk.to(tl.int64) * num_columns, num_used, COLUMNS)


@triton.jit
def _place_of(token, slots, ends_new, ends_all, tables, num_chunks, num_columns, context, PAGE, CHUNKS: tl.constexpr):
    """Of a new token: its position, and its place in the cache. Padding may count beyond the context and the table."""
    chunk = tl.arange(0, CHUNKS)
    ends = tl.load(ends_new + 1 + chunk, mask=chunk < num_chunks - 1, other=0)
    own = tl.sum(((chunk < num_chunks - 1) & (ends <= token)).to(tl.int32), axis=0)
    num_new = tl.load(ends_new + own + 1) - tl.load(ends_new + own)
    num_all = tl.load(ends_all + own + 1) - tl.load(ends_all + own)
    position = tl.minimum(num_all - num_new + token - tl.load(ends_new + own), context - 1)
    column = tl.minimum(position // PAGE, num_columns - 1)
    block = tl.load(tables + tl.load(slots + own) * num_columns + column)
    return position, block.to(tl.int64) * PAGE + position % PAGE


@triton.jit
def _copy(there, here, num, COLUMNS: tl.constexpr):
    for start in range(0, num, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        tl.store(here + column, tl.load(there + column, mask=column < num, other=0), mask=column < num)


@triton.jit(do_not_specialize=["num_rows"])
def _keep(rows, chosen, num_tokens, tokens, lengths, num_rows, ROWS: tl.constexpr, EARLY: tl.constexpr):
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    at = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    is_row = at < num_rows
    row = tl.load(rows + at, mask=is_row, other=0)
    tl.store(tokens + row, tl.load(chosen + at, mask=is_row, other=0), mask=is_row)
    tl.store(lengths + row, tl.load(num_tokens + at, mask=is_row, other=0), mask=is_row)
