"""The last word on the next token: exact greedy, and seeds that hold in any batch. Comes after temperature and top-p.

transformers samples all requests from one generator and cannot be greedy for one of them: two equal best tokens, usual
in 16 bits, are drawn by lot. So the choice is made here and everything else is ruled out before it draws.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from workers.engines.noise import gumbel, step_keys

GREEDY = 0
IsNeutral = Callable[[Tensor, int], Tensor]
"""What all requests ask for, as int32 bits [rows], and the size of the vocabulary -> which of them change nothing."""
_NEUTRAL: dict[str, IsNeutral] = {
    "top_k": lambda top_k, num_tokens: top_k >= num_tokens,
    "top_p": lambda top_p, _: top_p.view(torch.float32) >= 1.0,
}


class Choosing(ContinuousBatchingLogitsProcessor):
    """Per request one `key`: `GREEDY`, or a number from which the noise of every step is made."""

    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.supported_kwargs = {"key": int}

    @classmethod
    def install(cls, manager: Any) -> Self:
        """Add to a manager that has not started."""
        processors = manager.logit_processor
        if manager.model.device.type == "cpu":  # a GPU would have to be waited for
            processors.logits_processor[:] = map(_unless_neutral, processors.logits_processor)
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


class _Unless(ContinuousBatchingLogitsProcessor):
    """`inner`, left out where the values of all requests change nothing: it would sort the vocabulary to find that out."""

    def __init__(self, inner: Any, is_neutral: IsNeutral) -> None:
        self._inner, self._is_neutral = inner, is_neutral
        self.supported_kwargs, self.ignored_kwargs = inner.supported_kwargs, inner.ignored_kwargs

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        self._inner.fill_defaults(int32_tensor)

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        args: Tensor = self._inner.prepare_tensor_args(requests_with_new_token)
        return args

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        if self._is_neutral(tensor_arg[: len(scores)], scores.size(1)).all():
            return scores
        cut: Tensor = self._inner(scores, tensor_arg)
        return cut


def _unless_neutral(processor: Any) -> Any:
    is_neutral = [_NEUTRAL[key] for key in processor.supported_kwargs if key in _NEUTRAL]
    return _Unless(processor, *is_neutral) if is_neutral else processor


def _key(state: Any) -> tuple[int, int]:
    """The request's key and how many tokens it has, which is the same after it was set back."""
    # The made-up requests with which transformers captures its graphs have no key.
    return state.logit_processor_kwargs.get("key", GREEDY), len(state.initial_tokens) + len(state.generated_tokens)
