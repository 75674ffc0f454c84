"""Trains the practice model: `python -m workers.bundled.train.train [--again] [--small] [--out FOLDER]`.

The whole takes some 17 minutes on one H200; `--small` a minute or two on a CPU, to see that the loss goes down.
`--again` then takes the last part once more, some 7 minutes, and releases the mean of both ends, which is better than either
(Wortsman et al., Model soups, 2022, arXiv:2203.05482).
Where a machine is lent for less, `--pause MINUTES` ends a part of the run early and `--resume` goes on with it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checkpoint
from .corpus import BOS, CONTEXT, EOS
from .loader import Batch, batches
from .origin import origin, revision
from .recipe import SMALL, Recipe
from .tokenizer import FOLDER, load

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer
    from transformers import Qwen2ForCausalLM


_OPTIONS = ("steps", "rate", "decay", "seed")


def build(recipe: Recipe, folder: Path) -> Qwen2ForCausalLM:
    """A new model with random weights, for the tokenizer in `folder`."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = load(folder)
    torch.manual_seed(recipe.seed)
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads // 2,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.token_to_id(BOS),
        eos_token_id=tokenizer.token_to_id(EOS),
        pad_token_id=tokenizer.token_to_id(EOS),
    )
    return Qwen2ForCausalLM(config)


def optimizers(model: Qwen2ForCausalLM, recipe: Recipe) -> list[Optimizer]:
    """Muon for the matrices inside the layers, AdamW for all else."""
    from torch.optim import AdamW

    from .muon import Muon

    inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    other = [p for name, p in model.named_parameters() if p.ndim != 2 or "layers" not in name]
    return [
        Muon(inner, recipe.rate, recipe.weight_decay),
        AdamW(other, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def rate_at(step: int, progress: float, recipe: Recipe) -> float:
    """Learning rate: a short rise, a long plateau, and a fall to zero over the last part. `progress` is 0 to 1."""
    rise = min(1.0, (step + 1) / recipe.warm_up)
    fall = min(1.0, (1.0 - progress) / recipe.decay)
    return recipe.rate * max(0.0, min(rise, fall))


def loss_of(model: Qwen2ForCausalLM, ids: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy. `ids`: [rows, width]; `targets`: where in the flattened ids the tokens to be learnt are."""
    from torch.nn.functional import cross_entropy

    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[targets - 1])
    return cross_entropy(logits.float(), ids.flatten()[targets])


class Trainer:
    """One run. `device` is "cuda" or "cpu"; on CUDA the layers are compiled and computed in bf16."""

    def __init__(self, recipe: Recipe, model: Qwen2ForCausalLM, device: str) -> None:
        self.recipe, self.device = recipe, device
        anyhow: Any = model
        self.model: Qwen2ForCausalLM = anyhow.to(device).train()
        self.optimizers = optimizers(model, recipe)
        self.step = self._first = 0
        self._began = self._told = time.monotonic()
        self._tokens = 0
        if device == "cuda":
            for layer in model.model.layers:
                layer.compile(dynamic=True)

    @property
    def progress(self) -> float:
        return min(1.0, self.step / self.recipe.steps)

    def resume(self, folder: Path) -> None:
        self.step = self._first = checkpoint.load(self.model, self.optimizers, folder)

    def begin_again(self, folder: Path) -> None:
        """Back to the last steps, with the weights that were released into `folder` and nothing else."""
        checkpoint.approach(self.model, folder, 1.0)
        self.step = self._first = self.recipe.steps - self.recipe.again

    def learn(self, batch: Batch) -> Tensor:
        """One step; the loss before it."""
        import torch

        ids = torch.from_numpy(batch.ids.astype("int32")).to(self.device, non_blocking=True).long()
        # Found here and not on the device, which would have to stop and tell how many there are.
        targets = torch.from_numpy(batch.learnt.ravel().nonzero()[0]).to(self.device, non_blocking=True)
        rate = rate_at(self.step, self.progress, self.recipe)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            loss = loss_of(self.model, ids, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._tokens += ids.numel()
        return loss.detach()

    def run(self, source: Iterator[Batch], folder: Path, minutes: float = math.inf) -> list[float]:
        """Train to the end, or for `minutes`, telling how it goes and writing checkpoints; the losses told."""
        losses: list[float] = []
        saved = time.monotonic()
        for batch in source:
            loss = self.learn(batch)
            if time.monotonic() - self._told > 5 or self.step % 500 == 1:
                losses.append(loss.item())
                self._tell(losses[-1])
            if time.monotonic() - saved > 120:
                checkpoint.save(self.model, self.optimizers, self.step, folder)
                saved = time.monotonic()
            if self.progress >= 1.0 or time.monotonic() - self._began > 60 * minutes:
                break
        checkpoint.save(self.model, self.optimizers, self.step, folder)
        return losses

    def _tell(self, loss: float) -> None:
        now = time.monotonic()
        spent = now - self._began
        left = spent / max(self.step - self._first, 1) * (self.recipe.steps - self.step)
        speed = self._tokens / spent
        print(f"step {self.step:6d}  loss {loss:.4f}  {speed / 1e6:.2f} M tokens/s  {left:4.0f} s left", flush=True)
        self._told = now


def main(arguments: list[str]) -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a toy of a model, to try the code on a CPU")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the tokenizer is and the weights go")
    parser.add_argument("--work", type=Path, default=Path("checkpoints"), help="where checkpoints go")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --work")
    parser.add_argument(
        "--again", action="store_true", help="the last part once more, from the weights in --out; beside --resume, too"
    )
    parser.add_argument("--pause", type=float, default=math.inf, help="stop after so many minutes, to --resume later")
    parser.add_argument("--revision", help="of this code, where there is no git to ask")
    for name in _OPTIONS:
        parser.add_argument(f"--{name}", type=type(getattr(Recipe(), name)))
    options = parser.parse_args(arguments)
    recipe = _changed(SMALL if options.small else Recipe(), options)
    if problem := _missing(options, recipe):
        parser.error(problem)
    torch.set_float32_matmul_precision("high")
    model = build(recipe, options.out)
    trainer = Trainer(recipe, model, "cuda" if torch.cuda.is_available() else "cpu")
    if options.resume:
        trainer.resume(options.work)
    elif options.again:
        trainer.begin_again(options.out)
    source = batches(
        f"{recipe.seed}/{trainer.step}",
        options.out,
        num_tokens=recipe.num_tokens,
        num_processes=recipe.num_processes,
        num_dialogues=recipe.num_dialogues,
    )
    trainer.run(source, options.work, options.pause)
    steps = str(trainer.step)
    if options.again:
        if trainer.progress < 1:
            return  # the first end stays as it was released until it meets the second
        checkpoint.approach(model, options.out, 0.5)
        steps = f"{recipe.steps}+{recipe.again}"
    checkpoint.release(model, options.out, origin(options.revision or revision(), recipe.seed, steps))


def _missing(options: argparse.Namespace, recipe: Recipe) -> str:
    """What must be there first, or nothing."""
    if options.resume and not checkpoint.is_in(options.work):
        return f"no checkpoint in {options.work} -> begin without --resume, or say where it is with --work"
    if options.again and not (options.out / "model.safetensors").exists():
        return f"no weights in {options.out} -> train without --again first"
    return f"--steps must be more than {recipe.again} with --again" if options.again and recipe.steps <= recipe.again else ""


def _changed(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    given = {name: getattr(options, name) for name in _OPTIONS}
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


if __name__ == "__main__":
    main(sys.argv[1:])
