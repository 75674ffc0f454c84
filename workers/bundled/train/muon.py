"""Muon for many small matrices: those of one shape are stepped together, which saves the device thousands of launches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_NUM_ROUNDS = 5


class Muon(Optimizer):
    """The same rule as `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, for matrices only."""

    def __init__(self, matrices: Iterable[Tensor], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            same: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                same.setdefault(matrix.shape, []).append(matrix)
            for matrices in same.values():
                self._step(matrices, group)

    def _step(self, matrices: list[Tensor], group: dict[str, Any]) -> None:
        momentum, rate = group["momentum"], group["lr"]
        for matrix in matrices:
            if not self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        grads: list[Any] = [matrix.grad for matrix in matrices]
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(buffers, grads, 1 - momentum)
        ahead = torch._foreach_lerp(grads, buffers, momentum)
        updates = orthogonal(torch.stack(list(ahead)))
        torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
        scale = 0.2 * float(max(matrices[0].shape)) ** 0.5
        torch._foreach_add_(matrices, [*updates.to(matrices[0].dtype).unbind()], alpha=-rate * scale)


def orthogonal(many: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all one, for each of `many` [number, rows, columns]."""
    a, b, c = _COEFFICIENTS
    is_tall = many.shape[1] > many.shape[2]
    x: Tensor = many.bfloat16().transpose(1, 2) if is_tall else many.bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(_NUM_ROUNDS):
        square = x @ x.transpose(1, 2)
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.transpose(1, 2) if is_tall else x
