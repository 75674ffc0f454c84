# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""The choice of the next token in a few launches: what `paged.sampler` says, without a step back to the host.

Each row is cut into parts for as many programs. One launch draws a token, the next weighs what is likelier than it. Where
that is too much, the two after them draw and weigh again among what is likelier, and the last decides; the hardly any rows
that even then have no token go on alone.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import cuda

from workers.engines.kernels.early import has_early_launch

PART, WIDE = 4096, 8192
# Up to so many rows are cut into smaller parts, so that there is one for each processor.
FEW_ROWS, SMALL_PART = 3, 1024
# The mark of what is written by the reply, in `seen`; a smaller one is for the prompt alone.
WRITTEN = tl.constexpr(2)


def choose(
    logits: Tensor, rows: Tensor, num_tokens: Tensor, floats: Tensor, ints: Tensor, forced: Tensor, seen: Tensor
) -> Tensor:
    """logits [rows, vocabulary] -> ids [rows], -1 where the logits are no numbers. Bans are written into the logits.

    The rest is the sampler's, which `rows` point into: `floats` (temperature, top-p, min-p, repetition and presence penalties),
    `ints` (seed, top-k, then banned ids or -1), an id that is `forced`, once, or -1, and which tokens are `seen`, which is
    read and written for rows with a penalty alone.
    """
    num_rows, vocab = logits.shape
    size = SMALL_PART if num_rows <= FEW_ROWS else PART
    num_parts = triton.cdiv(vocab, size)
    # Of each part: its likeliest and its weights in all; then for both rounds the drawn one with noise and without, and the
    # mass and the number of what is likelier.
    found = torch.empty((10, num_rows, num_parts), dtype=torch.float32, device=logits.device)
    # For both rounds its id; then how many are no numbers.
    drawn = torch.empty((3, num_rows, num_parts), dtype=torch.int32, device=logits.device)
    chosen = torch.empty_like(rows)
    strides = logits.stride(0), floats.stride(0), ints.stride(0)
    row = logits, rows, num_tokens, floats, ints, seen, found, drawn, *strides, vocab
    early = has_early_launch(logits.device)
    how = {"PARTS": triton.next_power_of_2(num_parts), "EARLY": early, "launch_pdl": early}
    num_warps = 8 if size == PART else 4
    for round in (0, 1):
        _draw[(num_rows, num_parts)](*row, ROUND=round, PART=size, BANS=ints.shape[1] - 2, **how, num_warps=num_warps)
        _weigh[(num_rows, num_parts)](*row, ROUND=round, PART=size, **how, num_warps=num_warps)
    _decide[(num_rows,)](*row, forced, chosen, num_parts, BLOCK=WIDE, **how, num_warps=16)
    return chosen


@triton.jit
def _draw(
    logits, rows, num_tokens, floats, ints, seen, found, drawn, stride, floats_stride, ints_stride, vocab,
    ROUND: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr, BANS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    row, part, num_parts = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    at, side = row * num_parts + part, tl.num_programs(0).to(tl.int64) * num_parts
    slot = tl.load(rows + row)
    how, which = floats + slot * floats_stride, ints + slot * ints_stride
    own, is_done = float("-inf"), False
    if ROUND == 0:
        banned = tl.load(which + 2 + tl.arange(0, BANS))
        tl.store(logits + row * stride + banned, float("-inf"), mask=(banned >= part * PART) & (banned < (part + 1) * PART))
        # Nobody else looks at this part before the next launch.
        tl.debug_barrier()
    if ROUND == 1:
        _, _, own, _, is_done = _judge(found + row * num_parts, drawn + row * num_parts, how, which, side, num_parts, 0, PARTS)
    if not is_done:
        id = part * PART + tl.arange(0, PART)
        score = _scores(logits + row * stride, seen + slot * vocab, id, vocab, how)
        likeliest = tl.max(score, axis=0)
        # All may be banned in a part.
        weight = tl.exp(score - tl.where(likeliest == float("-inf"), 0.0, likeliest))
        if ROUND == 0:
            tl.store(found + at, likeliest)
            tl.store(found + side + at, tl.sum(weight, axis=0))
            tl.store(drawn + 2 * side + at, tl.sum((score != score).to(tl.int32), axis=0))
        # Without a temperature there is one round.
        speed = _race(score, tl.where(score > own, weight, 0.0), id, how, which, num_tokens + row)
        fastest, place = tl.max(speed, 0, return_indices=True)
        at_found = found + (2 + 4 * ROUND) * side + at
        # Parts are compared by the noisy score.
        tl.store(at_found, tl.where(tl.load(how) > 0, tl.log(fastest) + likeliest, fastest))
        tl.store(at_found + side, tl.sum(tl.where(id == part * PART + place, score, 0.0), axis=0))
        tl.store(drawn + ROUND * side + at, part * PART + place)


@triton.jit
def _weigh(
    logits, rows, num_tokens, floats, ints, seen, found, drawn, stride, floats_stride, ints_stride, vocab,
    ROUND: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    row, part, num_parts = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    side = tl.num_programs(0).to(tl.int64) * num_parts
    slot = tl.load(rows + row)
    how, which = floats + slot * floats_stride, ints + slot * ints_stride
    is_done = False
    if ROUND == 1:
        _, _, _, _, is_done = _judge(found + row * num_parts, drawn + row * num_parts, how, which, side, num_parts, 0, PARTS)
    if not is_done:
        likeliest, own, _ = _drawn(found + row * num_parts, drawn + row * num_parts, side, num_parts, ROUND, PARTS)
        score = _scores(logits + row * stride, seen + slot * vocab, part * PART + tl.arange(0, PART), vocab, how)
        is_likelier = score > own
        at = found + (4 + 4 * ROUND) * side + row * num_parts + part
        tl.store(at, tl.sum(tl.where(is_likelier, tl.exp(score - likeliest), 0.0), axis=0))
        tl.store(at + side, tl.sum(is_likelier.to(tl.float32), axis=0))


@triton.jit
def _decide(
    logits, rows, num_tokens, floats, ints, seen, found, drawn, stride, floats_stride, ints_stride, vocab,
    forced, chosen, num_parts,
    BLOCK: tl.constexpr, PARTS: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    if EARLY:
        cuda.gdc_launch_dependents()
        cuda.gdc_wait()
    row, side = tl.program_id(0).to(tl.int64), tl.num_programs(0).to(tl.int64) * num_parts
    slot = tl.load(rows + row)
    logits, found, drawn, num_tokens = logits + row * stride, found + row * num_parts, drawn + row * num_parts, num_tokens + row
    how, which, seen = floats + slot * floats_stride, ints + slot * ints_stride, seen + slot * vocab
    likeliest, total, own, id, is_done = _judge(found, drawn, how, which, side, num_parts, 0, PARTS)
    if not is_done:
        _, _, own, id, is_done = _judge(found, drawn, how, which, side, num_parts, 1, PARTS)
    # What is likelier than all has no mass, so this ends.
    while not is_done:
        id, own = _draw_likelier(logits, seen, own, likeliest, how, which, num_tokens, vocab, BLOCK)
        mass, number = _weigh_likelier(logits, seen, own, likeliest, how, vocab, BLOCK)
        is_done = _is_allowed(mass, number, total, own, likeliest, how, which)
    wanted = tl.load(forced + slot)
    id = tl.where(wanted >= 0, wanted, id.to(tl.int64))
    part = tl.arange(0, PARTS)
    num_broken = tl.sum(tl.load(drawn + 2 * side + part, mask=part < num_parts, other=0), axis=0)
    id = tl.where((num_broken > 0) | (tl.abs(likeliest) == float("inf")), -1, id)
    tl.store(chosen + row, id)
    tl.store(forced + slot, wanted * 0 - 1)
    repetition, presence = tl.load(how + 3), tl.load(how + 4)
    if ((repetition != 1.0) | (presence != 0.0)) & (id >= 0):
        tl.store(seen + id, tl.load(seen + id) | WRITTEN)


@triton.jit
def _judge(found, drawn, how, which, side, num_parts, ROUND: tl.constexpr, PARTS: tl.constexpr):
    """Of a row: the likeliest score, all weights; of the token drawn in a round: score, id, whether it may be taken."""
    part = tl.arange(0, PARTS)
    is_part = part < num_parts
    likeliest, own, id = _drawn(found, drawn, side, num_parts, ROUND, PARTS)
    highest = tl.load(found + part, mask=is_part, other=float("-inf"))
    total = tl.sum(tl.load(found + side + part, mask=is_part, other=0.0) * tl.exp(highest - likeliest), axis=0)
    at = found + (4 + 4 * ROUND) * side + part
    mass, number = tl.load(at, mask=is_part, other=0.0), tl.load(at + side, mask=is_part, other=0.0)
    is_allowed = _is_allowed(tl.sum(mass, axis=0), tl.sum(number, axis=0), total, own, likeliest, how, which)
    return likeliest, total, own, id, is_allowed


@triton.jit
def _is_allowed(mass, number, total, own, likeliest, how, which):
    """Also where nothing is drawn: without a temperature, and where the logits are no numbers, with which nothing compares."""
    top_p, min_p, top_k = tl.load(how + 1), tl.load(how + 2), tl.load(which + 1)
    is_refused = (mass >= top_p * total) | (number >= top_k) | (tl.exp(own - likeliest) < min_p)
    return (tl.load(how) <= 0) | (not is_refused) | (total != total) | (tl.abs(likeliest) == float("inf"))


@triton.jit
def _drawn(found, drawn, side, num_parts, ROUND: tl.constexpr, PARTS: tl.constexpr):
    """Of a row: the likeliest score, the score of the token drawn in a round, its id."""
    part = tl.arange(0, PARTS)
    is_part = part < num_parts
    at = found + (2 + 4 * ROUND) * side
    likeliest = tl.max(tl.load(found + part, mask=is_part, other=float("-inf")), axis=0)
    place = tl.argmax(tl.load(at + part, mask=is_part, other=float("-inf")), axis=0)
    return likeliest, tl.load(at + side + place), tl.load(drawn + ROUND * side + place)


@triton.jit
def _draw_likelier(logits, seen, own, likeliest, how, which, num_tokens, vocab, BLOCK: tl.constexpr):
    """Again with the same noise, among what is likelier than the token with the score `own`."""
    best, best_id = tl.zeros([BLOCK], dtype=tl.float32), tl.zeros([BLOCK], dtype=tl.int32)
    best_score = tl.full([BLOCK], float("-inf"), dtype=tl.float32)
    for start in range(0, vocab, BLOCK):
        id = start + tl.arange(0, BLOCK)
        score = _scores(logits, seen, id, vocab, how)
        speed = _race(score, tl.where(score > own, tl.exp(score - likeliest), 0.0), id, how, which, num_tokens)
        is_better = speed > best
        best, best_id = tl.where(is_better, speed, best), tl.where(is_better, id, best_id)
        best_score = tl.where(is_better, score, best_score)
    id = tl.sum(tl.where(tl.arange(0, BLOCK) == tl.argmax(best, axis=0), best_id, 0), axis=0)
    return id, tl.max(tl.where(best_id == id, best_score, float("-inf")), axis=0)


@triton.jit
def _weigh_likelier(logits, seen, own, likeliest, how, vocab, BLOCK: tl.constexpr):
    mass, number = tl.zeros([BLOCK], dtype=tl.float32), tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, vocab, BLOCK):
        score = _scores(logits, seen, start + tl.arange(0, BLOCK), vocab, how)
        mass += tl.where(score > own, tl.exp(score - likeliest), 0.0)
        number += (score > own).to(tl.float32)
    return tl.sum(mass, axis=0), tl.sum(number, axis=0)


@triton.jit
def _scores(logits, seen, id, vocab, how):
    """Repetition divides what is seen at all, presence is subtracted where it is written; then comes the temperature."""
    score = tl.load(logits + id, mask=id < vocab, other=float("-inf")).to(tl.float32)
    temperature, repetition, presence = tl.load(how), tl.load(how + 3), tl.load(how + 4)
    if (repetition != 1.0) | (presence != 0.0):
        mark = tl.load(seen + id, mask=id < vocab, other=0)
        weaker = tl.where(score > 0, tl.div_rn(score, repetition), score * repetition)
        score = tl.where(mark > 0, weaker, score) - tl.where(mark >= WRITTEN, presence, 0.0)
    return score / tl.where(temperature > 0, temperature, 1.0)


@triton.jit
def _race(score, weight, id, how, seed, num_tokens):
    """What is largest for the token that is drawn: its weight by an exponential time, the score without a temperature.

    The logarithm of it is the score with `noise.gumbel` of `noise.step_keys`, but for a number that all have in common.
    """
    key = tl.load(seed).to(tl.uint32) + tl.load(num_tokens).to(tl.uint32) * 0x9E3779B9
    key = (key ^ (key >> 16)) * 0x85EBCA6B
    key = (key ^ (key >> 16)) * 0xC2B2AE35
    bits = id.to(tl.uint32) * 0x27D4EB2D ^ ((key ^ (key >> 16)) & 0x7FFFFFFF | 1)
    bits = (bits ^ (bits >> 15)) * 0x45D9F3B
    bits = (bits ^ (bits >> 15)) * 0x2C1B3C6D
    bits = (bits ^ (bits >> 15)) * 0x297A2D39
    uniform = (((bits ^ (bits >> 15)) & 0x7FFFFF).to(tl.float32) + 0.5) * (2.0**-23)
    return tl.where(tl.load(how) > 0, weight / -tl.log(uniform), score)
