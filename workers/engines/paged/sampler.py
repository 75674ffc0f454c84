"""The choice of the next token, without sorting the vocabulary.

A token is drawn from the whole distribution, then asked whether it is among the likely ones: whether all that are likelier
than it are fewer than `top_k` and add up to less than `top_p`. If not, neither is anything less likely, and the draw is
repeated, with the same noise, among what is likelier. The outcome is an exact draw from the tokens that are allowed.
All limits are judged by the distribution at this temperature, before any of them cuts it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from itertools import count
from struct import pack, unpack

import torch
from torch import Tensor

from workers.engines.base import Sampling
from workers.engines.noise import gumbel, step_keys
from workers.engines.paged.sequence import Sequence
from workers.engines.paged.transfer import tensor

MAX_BANNED = 8
# After so many draws at a top_p of 0.95 one of 10^10 is still not allowed.
ROUNDS = 8
_IN_PROMPT, _WRITTEN = 1, 2
_NUM_FLOATS = 5
ROW_WIDTH = _NUM_FLOATS + 2 + MAX_BANNED


class Sampler:
    """How each slot chooses, on the device: a row for each and one for padding, so that a launch only needs row numbers.

    `kernel` is `kernels.choose.choose`, which does the same in fewer launches.
    """

    def __init__(self, num_slots: int, vocab: int, device: torch.device, kernel: Callable[..., Tensor] | None = None) -> None:
        self._vocab, self._device, self._kernel = vocab, device, kernel
        # As bits, the floats first, so that a slot is written at once.
        self._rows = torch.tensor([_bits(Sampling(0.0)) + [-1] * (2 + MAX_BANNED)], dtype=torch.int32, device=device)
        self._rows = self._rows.repeat(num_slots + 1, 1)
        self._floats = self._rows[:, :_NUM_FLOATS].view(torch.float32)
        # seed, top_k, banned ids: all repeated from the first on, or -1
        self._ints = self._rows[:, _NUM_FLOATS:]
        self._forced = torch.full((num_slots + 1,), -1, device=device)
        # Which tokens each slot has seen, where it asks for a penalty.
        self._seen = torch.zeros((num_slots + 1, vocab), dtype=torch.uint8, device=device)

    def rows_of(self, sequences: list[Sequence]) -> list[list[int]]:
        """What `place` needs of each on the device."""
        return [_bits(one.request.sampling) + _ints(one, self._vocab) for one in sequences]

    def place(self, sequences: list[Sequence], slots: Tensor, rows: Tensor) -> None:
        """Write the rows of sequences that have just got their slots."""
        self._rows.index_copy_(0, slots, rows)
        # Where a launch found no memory, the one before has left here what it was to say.
        self._forced.index_fill_(0, slots, -1)
        for sequence in sequences:
            if has_penalty(sequence.request.sampling):
                self._mark(sequence)

    def force(self, ids: dict[int, int]) -> None:
        """{slot: id} that the next choice must be, once."""
        if ids:
            slots, forced = (tensor(list(numbers), self._device) for numbers in (ids.keys(), ids.values()))
            self._forced[slots] = forced

    def choose(self, logits: Tensor, rows: Tensor, num_tokens: Tensor, who: Several[Sequence] | None) -> Tensor:
        """[rows, vocabulary] -> ids [rows], -1 where the logits are no numbers; `num_tokens` are before the new one.

        `who` are the sequences of the rows: what none of them asks for is left out. None is everything.
        """
        if self._kernel:
            return self._kernel(logits, rows, num_tokens, self._floats, self._ints, self._forced, self._seen)
        is_penalised = who is None or any(has_penalty(sequence.request.sampling) for sequence in who)
        logits = self._penalise(logits.float(), rows) if is_penalised else logits.float()
        chosen = self._choose(logits, rows, num_tokens, who)
        if is_penalised:
            repetition, presence = self._floats[rows, 3:].unbind(1)
            marks = (chosen >= 0) & ((repetition != 1) | (presence != 0))
            self._seen[rows, chosen.clamp(min=0)] |= _WRITTEN * marks.byte()
        return chosen

    def _choose(self, logits: Tensor, rows: Tensor, num_tokens: Tensor, who: Several[Sequence] | None) -> Tensor:
        broken = ~logits.amax(-1).isfinite()
        logits = logits.masked_fill(broken[:, None], 0.0)
        if who is None or any(sequence.request.banned_ids for sequence in who):
            logits = self._ban(logits, rows)
        chosen = logits.argmax(-1)
        if who is None or any(sequence.request.sampling.temperature > 0 for sequence in who):
            is_random = self._floats[rows, 0] > 0
            chosen = torch.where(is_random, self._draw(logits, rows, num_tokens, waits=who is not None), chosen)
        forced = self._forced[rows]
        chosen = torch.where(forced >= 0, forced, chosen)
        self._forced.index_fill_(0, rows, -1)
        return chosen.masked_fill(broken, -1)

    def _draw(self, logits: Tensor, rows: Tensor, num_tokens: Tensor, *, waits: bool) -> Tensor:
        """`waits`: repeat until every draw is allowed. A graph repeats `ROUNDS` times; then the likeliest token is taken."""
        temperature, top_p, min_p = self._floats[rows, :3, None].unbind(1)
        seeds, top_k = self._ints[rows, :2, None].unbind(1)
        scaled = logits / temperature.masked_fill(temperature <= 0, 1.0)
        probabilities = scaled.softmax(-1)
        least = min_p * probabilities.amax(-1, keepdim=True)
        noisy = scaled + gumbel(step_keys(seeds, num_tokens[:, None]), self._vocab)
        for draw in count(1):
            chosen = noisy.argmax(-1, keepdim=True)
            own = probabilities.gather(1, chosen)
            likelier = probabilities > own
            mass = (probabilities * likelier).sum(-1, keepdim=True)
            is_allowed = (mass < top_p) & (likelier.sum(-1, keepdim=True) < top_k) & (own >= least)
            if (waits and is_allowed.all()) or (not waits and draw == ROUNDS):
                break
            noisy = noisy.masked_fill(~(likelier | is_allowed), float("-inf"))
        return torch.where(is_allowed, chosen, scaled.argmax(-1, keepdim=True)).squeeze(1)

    def _ban(self, logits: Tensor, rows: Tensor) -> Tensor:
        ids = self._ints[rows, 2:].long()
        at = ids.clamp(min=0)
        # Where nothing is banned the first logit is written as it is, and nowhere is one written with two values.
        return logits.scatter(1, at, logits.gather(1, at).masked_fill(ids >= 0, float("-inf")))

    def _penalise(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Repetition counts prompt and reply and divides, presence counts the reply and subtracts."""
        repetition, presence = self._floats[rows, 3:, None].unbind(1)
        seen = self._seen[rows]
        weaker = torch.where(logits > 0, logits / repetition, logits * repetition)
        return torch.where(seen > 0, weaker, logits).sub_(presence * (seen >= _WRITTEN))

    def _mark(self, sequence: Sequence) -> None:
        row, num_prompt = self._seen[sequence.slot], len(sequence.request.prompt)
        row.zero_()
        row[tensor(sequence.ids[:num_prompt].tolist(), self._device)] = _IN_PROMPT
        row[tensor(sequence.ids[num_prompt:].tolist(), self._device).long()] |= _WRITTEN


def has_penalty(how: Sampling) -> bool:
    return how.repetition_penalty != 1 or how.presence_penalty != 0


def _bits(how: Sampling) -> list[int]:
    """temperature, top_p, min_p, repetition penalty, presence penalty"""
    top_p = max(how.top_p, 1e-6) if how.top_p < 1 else 2.0  # sums may miss 1 by a rounding
    floats = how.temperature, top_p, min(how.min_p, 1.0), how.repetition_penalty, how.presence_penalty
    return [*unpack(f"{_NUM_FLOATS}i", pack(f"{_NUM_FLOATS}f", *floats))]


def _ints(sequence: Sequence, vocab: int) -> list[int]:
    banned = sorted(sequence.request.banned_ids) or [-1]
    return [sequence.seed, sequence.request.sampling.top_k or vocab, *(banned + banned[:1] * MAX_BANNED)[:MAX_BANNED]]
