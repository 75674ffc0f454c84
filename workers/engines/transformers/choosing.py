"""The last word on the next token: exact greedy, and seeds that hold in any batch. Comes after temperature and top-p.

transformers samples all requests from one generator and cannot be greedy for one of them: two equal best tokens, usual
in 16 bits, are drawn by lot. So the choice is made here and everything else is ruled out before it draws.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from workers.engines.noise import gumbel, step_keys

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
        pairs = torch.tensor([_key(request.state) for request in requests_with_new_token], dtype=torch.int64)
        keys, positions = pairs.reshape(-1, 2).unbind(1)
        return step_keys(keys, positions).masked_fill_(keys == GREEDY, GREEDY)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Scores [rows, vocabulary] with all but one token of each row at minus infinity."""
        keys = tensor_arg[: scores.size(0), None]
        # Nothing here may make a tensor out of a number: this is captured into CUDA graphs.
        noisy = scores + gumbel(keys, scores.size(1)).masked_fill_(keys == GREEDY, 0.0)
        best = noisy.argmax(dim=-1, keepdim=True)
        # NaN stays NaN, which ends the loop with an error, rather than becoming a token.
        return torch.full_like(scores, float("-inf")).scatter_(-1, best, scores.gather(-1, best) * 0.0)


def _key(state: Any) -> tuple[int, int]:
    """The request's key and how many tokens it has, which is the same after it was set back."""
    # The made-up requests with which transformers captures its graphs have no key.
    return state.logit_processor_kwargs.get("key", GREEDY), len(state.initial_tokens) + len(state.generated_tokens)
