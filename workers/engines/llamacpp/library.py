"""All calls of llama.cpp, through the C interface as llama-cpp-python binds it. What it prints is kept for errors.

llama.cpp ends the process where its own books are wrong; the worker then starts a new one.
"""

from __future__ import annotations

import ctypes
from collections import deque
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

from llama_cpp import llama_cpp as api

from workers.engines.base import Request, Sampling
from workers.engines.llamacpp.runtime import Piece

_ERROR = 4  # ggml.h; the numbers in llama_cpp/_logger.py are of another version
_TO_THE_END = -1
_ALL_LAYERS = 1 << 30
_NO_ROOM = 1
_said: deque[str] = deque(maxlen=8)


class Refused(Exception):
    """llama.cpp cannot load this; the text is its own."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """`cells` are tokens in memory, `step` the most in one step; `wide` keeps the memory in 32 bits a number, not in 16."""

    cells: int
    slots: int
    step: int
    threads: int
    wide: bool


def _hear(level: int, text: bytes, _: object) -> None:
    if level == _ERROR:
        _said.append(text.decode("utf-8", "replace").strip())


# Called for as long as the process lives, so it must not be collected.
_callback = api.llama_log_callback(_hear)


class Model:
    """The weights. `gpu` is whether layers may lie on a GPU, where llama.cpp was built for one."""

    def __init__(self, file: Path, *, gpu: bool) -> None:
        api.llama_log_set(_callback, ctypes.c_void_p(0))
        api.llama_backend_init()
        parameters = api.llama_model_default_params()
        parameters.n_gpu_layers = _ALL_LAYERS if gpu else 0
        self.handle = _or_refused(api.llama_model_load_from_file(str(file).encode(), parameters))
        self.num_ids: int = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.handle))
        self.context: int = api.llama_model_n_ctx_train(self.handle)

    @property
    def writes(self) -> bool:
        """Whether it is a model that writes on, and not one that translates or measures."""
        return bool(api.llama_model_has_decoder(self.handle)) and not api.llama_model_has_encoder(self.handle)

    @property
    def shares(self) -> bool:
        """Whether its memory can be cut at any token; that of recurrent models cannot."""
        return not (api.llama_model_is_recurrent(self.handle) or api.llama_model_is_hybrid(self.handle))

    def close(self) -> None:
        api.llama_model_free(self.handle)


class Sampler:
    """How one request chooses: llama.cpp's own chain. Every limit is judged at the request's temperature."""

    def __init__(self, runtime: Runtime, request: Request, seed: int) -> None:
        self._runtime, self._num_ids = runtime, runtime.model.num_ids
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        self._add_penalties(request)
        if bans := [api.llama_logit_bias(id, -inf) for id in request.banned_ids]:
            self._add(api.llama_sampler_init_logit_bias(self._num_ids, len(bans), (api.llama_logit_bias * len(bans))(*bans)))
        if request.sampling.temperature <= 0:
            self._add(api.llama_sampler_init_greedy())
        else:
            self._add_limits(request.sampling)
            self._add(api.llama_sampler_init_dist(seed))

    def _add_penalties(self, request: Request) -> None:
        how, most = request.sampling, len(request.prompt) + request.max_tokens
        if how.repetition_penalty != 1:
            penalty = api.llama_sampler_init_penalties(self._num_ids, most, how.repetition_penalty, 0.0, 0.0)
            for id in request.prompt:  # repetition counts the prompt, presence does not
                api.llama_sampler_accept(penalty, id)
            self._add(penalty)
        if how.presence_penalty != 0:
            self._add(api.llama_sampler_init_penalties(self._num_ids, most, 1.0, 0.0, how.presence_penalty))

    def _add_limits(self, how: Sampling) -> None:
        self._add(api.llama_sampler_init_temp(how.temperature))
        if how.top_k > 0:
            self._add(api.llama_sampler_init_top_k(how.top_k))
        if how.top_p < 1:
            self._add(api.llama_sampler_init_top_p(how.top_p, 1))
        if how.min_p > 0:
            self._add(api.llama_sampler_init_min_p(how.min_p, 1))

    def choose(self, row: int) -> int | None:
        """The token after the `row`-th of the last step; None where the model computed what is no number."""
        if isnan(api.llama_get_logits_ith(self._runtime.handle, row)[0]):
            return None
        id: int = api.llama_sampler_sample(self._chain, self._runtime.handle, row)
        return id

    def accept(self, id: int) -> None:
        """It was chosen elsewhere, and counts for the penalties."""
        api.llama_sampler_accept(self._chain, id)

    def close(self) -> None:
        api.llama_sampler_free(self._chain)

    def _add(self, sampler: int) -> None:
        api.llama_sampler_chain_add(self._chain, sampler)


class Runtime:
    """A model with its memory, in one buffer for all slots, so that they can share cells."""

    def __init__(self, model: Model, sizes: Sizes) -> None:
        self.model, self.sizes = model, sizes
        self.handle = _or_refused(api.llama_init_from_model(model.handle, _parameters(sizes)))
        self._memory = api.llama_get_memory(self.handle)
        self._batch = api.llama_batch_init(sizes.step, 0, 1)

    def read(self, pieces: list[Piece]) -> bool:
        """One step for all of them; false, with nothing changed, where the memory has no room. Raises RuntimeError."""
        batch, row = self._batch, 0
        for piece in pieces:
            for position, id in enumerate(piece.ids, piece.start):
                batch.token[row], batch.pos[row], batch.logits[row] = id, position, 0
                batch.n_seq_id[row], batch.seq_id[row][0] = 1, piece.slot
                row += 1
            batch.logits[row - 1] = piece.asks
        batch.n_tokens = row
        status = api.llama_decode(self.handle, batch)
        if status not in (0, _NO_ROOM):
            raise RuntimeError(f"llama.cpp cannot go on: {status} {' '.join(_said)}".rstrip())
        return bool(status == 0)

    def copy(self, source: int, target: int, num: int) -> None:
        api.llama_memory_seq_cp(self._memory, source, target, 0, num)

    def cut(self, slot: int, num: int) -> None:
        if not api.llama_memory_seq_rm(self._memory, slot, num or _TO_THE_END, _TO_THE_END):
            raise RuntimeError("llama.cpp cannot cut this model's memory")

    def sampler(self, request: Request, seed: int) -> Sampler:
        return Sampler(self, request, seed)

    def close(self) -> None:
        api.llama_batch_free(self._batch)
        api.llama_free(self.handle)
        self.model.close()


def has_gpu() -> bool:
    return bool(api.llama_supports_gpu_offload())


def max_slots() -> int:
    count: int = api.llama_max_parallel_sequences()
    return count


def _parameters(sizes: Sizes) -> api.llama_context_params:
    parameters = api.llama_context_default_params()
    parameters.n_ctx, parameters.n_seq_max, parameters.kv_unified = sizes.cells, sizes.slots, True
    parameters.n_batch = parameters.n_ubatch = sizes.step
    parameters.n_outputs_max = sizes.slots
    parameters.n_threads = parameters.n_threads_batch = sizes.threads
    if sizes.wide:
        parameters.type_k = parameters.type_v = api.GGML_TYPE_F32
        # Twice as fast, but it rounds to 16 bits on its way: who else is answered then shows in the last bits.
        parameters.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return parameters


def _or_refused(handle: int | None) -> int:
    if not handle:
        raise Refused("; ".join(_said) or "llama.cpp does not say why")
    return handle
