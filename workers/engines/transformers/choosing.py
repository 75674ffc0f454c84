"""The last word on the next token: exact greedy, and seeds that hold in any batch. Comes after temperature and top-p.

transformers samples all requests from one generator and cannot be greedy for one of them: two equal best tokens, usual
in 16 bits, are drawn by lot. So the choice is made here and everything else is ruled out before it draws. On a CPU, for
whose results nobody waits, it is made before top-p, which then looks at doubtful choices alone, and nothing is drawn.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.generation.continuous_batching.cb_logits_processors import ContinuousBatchingLogitsProcessor

from workers.engines.noise import gumbel, mix

GREEDY = 0
# More than two sums of the same probabilities can be apart, whatever the order in which they were added up.
_ROUNDING = 1e-4


class Choosing(ContinuousBatchingLogitsProcessor):
    """Per request one `key`: `GREEDY`, or a number from which the noise of every step is made."""

    ignored_kwargs: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.supported_kwargs = {"key": int}

    @staticmethod
    def install(manager: Any) -> None:
        """Add to a manager that has not started."""
        processors = manager.logit_processor
        is_cpu = manager.model.device.type == "cpu"  # a GPU would have to be waited for
        choosing = _choose_first(manager) if is_cpu else Choosing()
        processors.logits_processor.append(choosing)
        processors.tensors_required += 1
        processors.supported_keys.update(choosing.supported_kwargs)

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.fill_(GREEDY)

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        return torch.tensor([_step_key(request.state) for request in requests_with_new_token], dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        """Scores [rows, vocabulary] with all but one token of each row at minus infinity."""
        keys = tensor_arg[: scores.size(0), None]
        # Nothing here may make a tensor out of a number: this is captured into CUDA graphs.
        best = self._choose(scores, gumbel(keys, scores.size(1)).masked_fill_(keys == GREEDY, 0.0))
        # NaN stays NaN, which ends the loop with an error, rather than becoming a token.
        return torch.full_like(scores, float("-inf")).scatter_(-1, best, scores.gather(-1, best) * 0.0)

    def _choose(self, scores: Tensor, noise: Tensor) -> Tensor:
        """ids [rows, 1]"""
        return (scores + noise).argmax(dim=-1, keepdim=True)


class _Wrapper(ContinuousBatchingLogitsProcessor):
    """One of transformers' own, `inner`, which is called more seldom."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.supported_kwargs, self.ignored_kwargs = inner.supported_kwargs, inner.ignored_kwargs

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        self._inner.fill_defaults(int32_tensor)

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> Tensor:
        args: Tensor = self._inner.prepare_tensor_args(requests_with_new_token)
        return args


class _TopK(_Wrapper):
    """Left out where no request has a limit: it would sort the vocabulary to find that out."""

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        if (tensor_arg[: len(scores)] >= scores.size(1)).all():
            return scores
        cut: Tensor = self._inner(scores, tensor_arg)
        return cut


class _TopP(_Wrapper):
    """Left out until a choice is made: most choices are clearly among the likely, and it would sort to find all of these."""

    _tensor_arg: Tensor

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:
        self._tensor_arg = tensor_arg
        return scores

    def find_doubtful(self, scores: Tensor, chosen: Tensor) -> Tensor:
        """Numbers of the rows whose `chosen` [rows, 1] might be removed: it and all below it must be more than the rest."""
        rest = 1 - self._tensor_arg[: len(scores), None].view(torch.float32)
        if not (rest > 0).any():
            return rest.new_empty(0, dtype=torch.int64)
        probabilities = scores.softmax(-1)
        below = probabilities.masked_fill(scores >= scores.gather(-1, chosen), 0.0).sum(-1, keepdim=True)
        is_doubtful = below + probabilities.gather(-1, chosen) <= rest + _ROUNDING
        return is_doubtful.squeeze(1).nonzero().squeeze(1)

    def cut(self, scores: Tensor, rows: Tensor) -> Tensor:
        """What is left of these rows alone."""
        left: Tensor = self._inner(scores[rows], self._tensor_arg[rows])
        return left


class _ChoosingFirst(Choosing):
    """Chooses among all, then asks whether top-p would have left what it chose."""

    def __init__(self, top_p: _TopP) -> None:
        super().__init__()
        self._top_p = top_p

    def _choose(self, scores: Tensor, noise: Tensor) -> Tensor:
        best = super()._choose(scores, noise)
        if not scores.gather(-1, best).isfinite().all():
            raise RuntimeError("the model's scores are no numbers")
        # With the same noise the best of all is the best of those left, if it is among them.
        if len(rows := self._top_p.find_doubtful(scores, best)):
            best[rows] = super()._choose(self._top_p.cut(scores, rows), noise[rows])
        return best


_WRAPPERS: dict[str, type[_Wrapper]] = {"top_k": _TopK, "top_p": _TopP}


def _choose_first(manager: Any) -> Choosing:
    # One token being left, the largest is what a draw would give, and is found sooner.
    manager.generation_config.do_sample = False
    processors = manager.logit_processor.logits_processor
    processors[:] = map(_wrap, processors)
    return _ChoosingFirst(next(processor for processor in processors if isinstance(processor, _TopP)))


def _wrap(processor: Any) -> Any:
    return next((_WRAPPERS[key](processor) for key in processor.supported_kwargs if key in _WRAPPERS), processor)


def _step_key(state: Any) -> int:
    """From the request's key and how many tokens it has, which is the same after it was set back."""
    # The made-up requests with which transformers captures its graphs have no key.
    key = state.logit_processor_kwargs.get("key", GREEDY)
    return GREEDY if key == GREEDY else mix(key, len(state.initial_tokens) + len(state.generated_tokens))
