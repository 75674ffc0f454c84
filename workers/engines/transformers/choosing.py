"""The last word on the next token: exact greedy, and seeds that hold in any batch. Comes after temperature and top-p.

transformers samples all requests from one generator and cannot be greedy for one of them: two equal best tokens, usual
in 16 bits, are drawn by lot. So the choice is made here and everything else is ruled out before it draws.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

GREEDY = 0


class Choosing(ContinuousBatchingLogitsProcessor):
    """Per request one `key`: `GREEDY`, or a number from which the noise of every step is made."""

    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.supported_kwargs = {"key": int}

    @classmethod
    def install(cls, manager: Any) -> Self:
        """Add to a manager that has not started."""
        processors = manager.logit_processor
        processors.logits_processor.append(choosing := cls())
        processors.tensors_required += 1
        processors.supported_keys.update(choosing.supported_kwargs)
        return choosing

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.fill_(GREEDY)

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        return torch.tensor([_step_key(request.state) for request in requests_with_new_token], dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Scores [rows, vocabulary] with all but one token of each row at minus infinity."""
        keys = tensor_arg[: scores.size(0), None]
        # Nothing here may make a tensor out of a number: this is captured into CUDA graphs.
        noisy = scores + _noise(keys, scores.size(1)).masked_fill_(keys == GREEDY, 0.0)
        best = noisy.argmax(dim=-1, keepdim=True)
        # NaN stays NaN, which ends the loop with an error, rather than becoming a token.
        return torch.full_like(scores, float("-inf")).scatter_(-1, best, scores.gather(-1, best) * 0.0)


def _step_key(state: Any) -> int:
    """A number of 31 bits from the request's key and the position, the same after a request was set back."""
    # The made-up requests with which transformers captures its graphs have none.
    key: int = state.logit_processor_kwargs.get("key", GREEDY)
    if key == GREEDY:
        return GREEDY
    mixed = (key + (len(state.initial_tokens) + len(state.generated_tokens)) * 0x9E3779B9) & 0xFFFFFFFF
    for factor in (0x85EBCA6B, 0xC2B2AE35):
        mixed = ((mixed ^ (mixed >> 16)) * factor) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) & 0x7FFFFFFF | 1


def _noise(keys: Tensor, num_tokens: int) -> Tensor:
    """Gumbel noise [rows, num_tokens], a pure function of row key and token id (Gumbel-max trick)."""
    bits = torch.arange(num_tokens, device=keys.device, dtype=torch.int32)[None] * 0x27D4EB2D ^ keys
    for factor in (0x45D9F3B, 0x2C1B3C6D, 0x297A2D39):
        bits = (bits ^ (bits >> 15 & 0x1FFFF)) * factor
    # 23 bits and a half are what float32 holds exactly: one more would round up to 1, whose noise is infinite.
    uniform = ((bits ^ (bits >> 15 & 0x1FFFF)) & 0x7FFFFF).float().add_(0.5).mul_(2.0**-23)
    return uniform.log_().neg_().log_().neg_()
