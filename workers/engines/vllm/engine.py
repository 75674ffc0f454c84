"""vLLM's AsyncLLM behind our contract. It batches, and keeps the memory of prompts that begin alike (prefix caching)."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

from vllm import SamplingParams, TokensPrompt
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM

from workers.checkpoints import config
from workers.checkpoints.findings import Defect
from workers.engines.asynchronous import AsyncEngine
from workers.engines.base import Ended, EngineOptions, Event, Limits, Reason, Request, Tokens
from workers.engines.errors import EngineLoadFailed
from workers.texts import advise, language, say

DIED = "vLLM's engine has died"


class VllmEngine(AsyncEngine):
    """When vLLM's own process dies, every request ends with `error`, and `step` raises."""

    def __init__(self, folder: Path, options: EngineOptions) -> None:
        super().__init__()
        try:
            # On the loop: there vLLM starts what listens to its process.
            self._llm = self._run(_start(_arguments(folder, options)))
        except Exception as problem:  # whatever is wrong inside of vLLM; the reason stands above in the log
            self._stop()
            raise _failed(folder, problem) from problem
        known = self._llm.vllm_config
        self.limits = Limits(known.model_config.max_model_len, known.scheduler_config.max_num_seqs)

    def step(self, timeout: float) -> list[Event]:
        events = super().step(timeout)
        if not events and not self._tasks and self._llm.errored:
            raise RuntimeError(DIED)
        return events

    async def _answer(self, request: Request) -> Ended:
        """Cancelled in here, vLLM aborts the request itself."""
        prompt = TokensPrompt(prompt_token_ids=list(request.prompt))
        reason: Reason = "error"
        async with aclosing(self._llm.generate(prompt, _sampling(request), request.id)) as outputs:
            async for output in outputs:
                [new] = output.outputs
                ids = tuple(new.token_ids)
                if new.finish_reason:
                    reason = _REASONS.get(new.finish_reason, "error")
                    ids = ids[:-1] if ids and ids[-1] in request.stop_ids else ids
                if ids:
                    self._put(Tokens(request.id, ids))
        return Ended(request.id, reason)

    async def _leave(self) -> None:
        self._llm.shutdown()


_REASONS: dict[str, Reason] = {"stop": "stop", "length": "length"}


async def _start(arguments: AsyncEngineArgs) -> AsyncLLM:
    return AsyncLLM.from_engine_args(arguments)


def _arguments(folder: Path, options: EngineOptions) -> AsyncEngineArgs:
    more: dict[str, Any] = {"max_num_seqs": options.requests} if options.requests else {}
    if context := _context(folder, options.context):
        more["max_model_len"] = context
    return AsyncEngineArgs(
        model=str(folder),
        # The tokenizer is the worker's: ids go in and ids come out.
        skip_tokenizer_init=True,
        trust_remote_code=False,
        load_format="safetensors",
        dtype=options.dtype,
        gpu_memory_utilization=options.memory_share,
        tensor_parallel_size=options.gpus,
        enable_prefix_caching=True,
        enable_log_requests=False,
        disable_log_stats=True,
        **more,
    )


def _context(folder: Path, wanted: int) -> int:
    """vLLM refuses to start with more than the model has been made for."""
    try:
        most = config.read(folder).get("max_position_embeddings")
    except Defect:
        most = None
    return min(wanted, most) if wanted and isinstance(most, int) else wanted


def _sampling(request: Request) -> SamplingParams:
    sampling = request.sampling
    return SamplingParams(
        temperature=max(sampling.temperature, 0.0),
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        seed=sampling.seed,
        max_tokens=request.max_tokens,
        stop_token_ids=sorted(request.stop_ids),
        # The model's own idea of an end is among the stop tokens where it is wanted.
        ignore_eos=True,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
    )


def _failed(folder: Path, problem: Exception) -> EngineLoadFailed:
    line = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    values: dict[str, str | int] = {"folder": str(folder), "problem": line}
    key = "vllm-cannot-load"
    told = f"{say(language(), key, **values)} → {advise(language(), key, **values)}"
    # What holds the memory now may be an engine that is just ending.
    return EngineLoadFailed(told, heals="memory" in line.lower())
