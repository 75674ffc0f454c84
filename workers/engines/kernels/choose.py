# ruff: noqa: ANN001, ANN202, N803
# mypy: ignore-errors
"""The choice of the next token in a few launches: what `paged.sampler` says, without a step back to the host.

Each row is cut into parts for as many programs. One launch draws a token, the next weighs what is likelier than it, the
last says yes; or, for the few rows where it says no, draws and weighs again by itself.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

PART, WIDE = 4096, 8192


def choose(logits: Tensor, rows: Tensor, num_tokens: Tensor, floats: Tensor, ints: Tensor, forced: Tensor) -> Tensor:
    """logits [rows, vocabulary] -> ids [rows], -1 where the logits are no numbers. Bans are written into the logits.

    The rest is the sampler's, which `rows` point into: `floats` (temperature, top-p, min-p, ...), `ints` (seed, top-k, then
    banned ids or -1), and an id that is `forced`, once, or -1.
    """
    num_rows, vocab = logits.shape
    num_parts = triton.cdiv(vocab, PART)
    # Of each part: its likeliest, weights in all, the drawn one with noise and without; mass and number of what is likelier.
    found = torch.empty((6, num_rows, num_parts), dtype=torch.float32, device=logits.device)
    drawn = torch.empty((2, num_rows, num_parts), dtype=torch.int32, device=logits.device)
    chosen = torch.empty_like(rows)
    row = logits, rows, num_tokens, floats, ints, found, drawn, logits.stride(0), floats.stride(0), ints.stride(0), vocab
    parts = {"PARTS": triton.next_power_of_2(num_parts)}
    _ban[(num_rows,)](logits, rows, ints, logits.stride(0), ints.stride(0), BANS=ints.shape[1] - 2, num_warps=1)
    _draw[(num_rows, num_parts)](*row, PART=PART, num_warps=8)
    _weigh[(num_rows, num_parts)](*row, PART=PART, **parts, num_warps=8)
    _decide[(num_rows,)](*row, forced, chosen, num_parts, BLOCK=WIDE, **parts, num_warps=16)
    return chosen


@triton.jit
def _ban(logits, rows, ints, stride, ints_stride, BANS: tl.constexpr):
    row, number = tl.program_id(0).to(tl.int64), tl.arange(0, BANS)
    slot = tl.load(rows + row)
    ids = tl.load(ints + slot * ints_stride + 2 + number)
    tl.store(logits + row * stride + ids, float("-inf"), mask=ids >= 0)


@triton.jit
def _draw(
    logits, rows, num_tokens, floats, ints, found, drawn, stride, floats_stride, ints_stride, vocab, PART: tl.constexpr
):  # fmt: skip
    row, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at, side = row * tl.num_programs(1) + part, tl.num_programs(0).to(tl.int64) * tl.num_programs(1)
    slot = tl.load(rows + row)
    temperature = tl.load(floats + slot * floats_stride)
    id = part * PART + tl.arange(0, PART)
    score = _scores(logits + row * stride, id, vocab, temperature)
    likeliest = tl.max(score, axis=0)
    noisy, place = tl.max(
        _with_noise(score, id, temperature, ints + slot * ints_stride, num_tokens + row), 0, return_indices=True
    )
    tl.store(found + at, likeliest)
    # All may be banned in a part.
    tl.store(found + side + at, tl.sum(tl.exp(score - tl.where(likeliest == float("-inf"), 0.0, likeliest)), axis=0))
    tl.store(found + 2 * side + at, noisy)
    tl.store(found + 3 * side + at, tl.sum(tl.where(id == part * PART + place, score, 0.0), axis=0))
    tl.store(drawn + at, part * PART + place)
    tl.store(drawn + side + at, tl.sum((score != score).to(tl.int32), axis=0))


@triton.jit
def _weigh(
    logits, rows, num_tokens, floats, ints, found, drawn, stride, floats_stride, ints_stride, vocab,
    PART: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    row, part, num_parts = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    side = tl.num_programs(0).to(tl.int64) * num_parts
    temperature = tl.load(floats + tl.load(rows + row) * floats_stride)
    likeliest, own, _ = _drawn(found + row * num_parts, drawn + row * num_parts, side, num_parts, PARTS)
    score = _scores(logits + row * stride, part * PART + tl.arange(0, PART), vocab, temperature)
    is_likelier = score > own
    at = found + 4 * side + row * num_parts + part
    tl.store(at, tl.sum(tl.where(is_likelier, tl.exp(score - likeliest), 0.0), axis=0))
    tl.store(at + side, tl.sum(is_likelier.to(tl.float32), axis=0))


@triton.jit
def _decide(
    logits, rows, num_tokens, floats, ints, found, drawn, stride, floats_stride, ints_stride, vocab, forced, chosen, num_parts,
    BLOCK: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    row, part = tl.program_id(0).to(tl.int64), tl.arange(0, PARTS)
    side, is_part = tl.num_programs(0).to(tl.int64) * num_parts, part < num_parts
    slot = tl.load(rows + row)
    how = floats + slot * floats_stride
    temperature, top_p, min_p = tl.load(how), tl.load(how + 1), tl.load(how + 2)
    top_k = tl.load(ints + slot * ints_stride + 1)
    found += row * num_parts
    drawn += row * num_parts
    likeliest, own, id = _drawn(found, drawn, side, num_parts, PARTS)
    highest = tl.load(found + part, mask=is_part, other=float("-inf"))
    total = tl.sum(tl.load(found + side + part, mask=is_part, other=0.0) * tl.exp(highest - likeliest), axis=0)
    mass = tl.sum(tl.load(found + 4 * side + part, mask=is_part, other=0.0), axis=0)
    num_likelier = tl.sum(tl.load(found + 5 * side + part, mask=is_part, other=0.0), axis=0)
    is_broken = (tl.sum(tl.load(drawn + side + part, mask=is_part, other=0), axis=0) > 0) | (tl.abs(likeliest) == float("inf"))
    # What is likelier than all has no mass, so this ends.
    while (
        (temperature > 0)
        & (not is_broken)
        & ((mass >= top_p * total) | (num_likelier >= top_k) | (tl.exp(own - likeliest) < min_p))
    ):
        id, own = _draw_likelier(
            logits + row * stride, own, temperature, ints + slot * ints_stride, num_tokens + row, vocab, BLOCK
        )
        mass, num_likelier = _weigh_likelier(logits + row * stride, own, likeliest, temperature, vocab, BLOCK)
    wanted = tl.load(forced + slot)
    id = tl.where(wanted >= 0, wanted, id.to(tl.int64))
    tl.store(chosen + row, tl.where(is_broken, -1, id))
    tl.store(forced + slot, wanted * 0 - 1)


@triton.jit
def _draw_likelier(logits, own, temperature, seed, num_tokens, vocab, BLOCK: tl.constexpr):
    """Again with the same noise, among what is likelier than the token with the score `own`."""
    best, best_id, best_score = float("-inf"), tl.zeros([], dtype=tl.int32), own
    for start in range(0, vocab, BLOCK):
        id = start + tl.arange(0, BLOCK)
        score = _scores(logits, id, vocab, temperature)
        score = tl.where(score > own, score, float("-inf"))
        if tl.max(score, axis=0) > own:
            noisy, place = tl.max(_with_noise(score, id, temperature, seed, num_tokens), 0, return_indices=True)
            if noisy > best:
                best, best_id = noisy, start + place
                best_score = tl.max(tl.where(id == best_id, score, float("-inf")), axis=0)
    return best_id, best_score


@triton.jit
def _weigh_likelier(logits, own, likeliest, temperature, vocab, BLOCK: tl.constexpr):
    mass, number = tl.zeros([BLOCK], dtype=tl.float32), tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, vocab, BLOCK):
        score = _scores(logits, start + tl.arange(0, BLOCK), vocab, temperature)
        mass += tl.where(score > own, tl.exp(score - likeliest), 0.0)
        number += (score > own).to(tl.float32)
    return tl.sum(mass, axis=0), tl.sum(number, axis=0)


@triton.jit
def _drawn(found, drawn, side, num_parts, PARTS: tl.constexpr):
    """Of a row: the likeliest score, the score of the drawn token, its id."""
    part = tl.arange(0, PARTS)
    is_part = part < num_parts
    likeliest = tl.max(tl.load(found + part, mask=is_part, other=float("-inf")), axis=0)
    place = tl.argmax(tl.load(found + 2 * side + part, mask=is_part, other=float("-inf")), axis=0)
    return likeliest, tl.load(found + 3 * side + place), tl.load(drawn + place)


@triton.jit
def _scores(logits, id, vocab, temperature):
    score = tl.load(logits + id, mask=id < vocab, other=float("-inf")).to(tl.float32)
    return score / tl.where(temperature > 0, temperature, 1.0)


@triton.jit
def _with_noise(score, id, temperature, seed, num_tokens):
    """`noise.gumbel` of `noise.step_keys`, where there is a temperature."""
    key = tl.load(seed).to(tl.uint32) + tl.load(num_tokens).to(tl.uint32) * 0x9E3779B9
    key = (key ^ (key >> 16)) * 0x85EBCA6B
    key = (key ^ (key >> 16)) * 0xC2B2AE35
    bits = id.to(tl.uint32) * 0x27D4EB2D ^ ((key ^ (key >> 16)) & 0x7FFFFFFF | 1)
    bits = (bits ^ (bits >> 15)) * 0x45D9F3B
    bits = (bits ^ (bits >> 15)) * 0x2C1B3C6D
    bits = (bits ^ (bits >> 15)) * 0x297A2D39
    uniform = (((bits ^ (bits >> 15)) & 0x7FFFFF).to(tl.float32) + 0.5) * (2.0**-23)
    return score + tl.where(temperature > 0, -tl.log(-tl.log(uniform)), 0.0)
