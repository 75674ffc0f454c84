"""What every engine is to the rest: token ids in, token ids out, one event list a step, always an end for each request.

An engine lives in a process of its own (`process.py`); the parent has the tokenizer, the prompt and the words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

Reason = Literal["stop", "length", "cancelled", "refused", "error"]
Device = Literal["auto", "cuda", "mps", "cpu"]
Dtype = Literal["auto", "bfloat16", "float16", "float32"]
Weights = Literal["whole", "fp8"]
Api = Literal["chat", "completions"]
Stage = Literal["loading", "warming", "ready"]
Progress = Callable[[Stage, str], None]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which engine, which model, and how much of the machine it may take. Zero means: the engine decides.

    `model` is a folder or a hub id; `context` counts tokens; `requests` is how many run at once; `memory_share` is the
    part of the device's memory; `threads` are CPU threads; `tokens_per_second` (each request) is for `echo` alone, `gpus`
    (over which one model is spread) for `vllm`, and `weights` in 8 bits are for `paged`.
    From `urls` on everything is for `openai` alone: where the servers are, how to speak to them, how long to wait.
    """

    engine: str = "echo"
    model: str = ""
    device: Device = "auto"
    dtype: Dtype = "auto"
    weights: Weights = "whole"
    context: int = 0
    requests: int = 0
    memory_share: float = 0.85
    threads: int = 0
    tokens_per_second: float = 0.0
    gpus: int = 1
    urls: tuple[str, ...] = field(default=(), repr=False)
    key: str = field(default="", repr=False)
    api: Api = "chat"
    first_seconds: float = 120.0
    next_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. `temperature` 0 is greedy; `top_k` 0, `top_p` 1 and `min_p` 0 are off, and so are a
    `repetition_penalty` of 1 and a `presence_penalty` of 0. The last three are for `paged` and `llamacpp`.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    seed: int | None = None
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class ThoughtLimit:
    """A thought that has not come to its `end_id` after `tokens` new tokens goes on with `closing`, whatever is likely."""

    tokens: int
    end_id: int
    closing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One reply to make. `prompt` is token ids with the template applied; `max_tokens` counts new tokens.

    What follows is for engines whose `Limits` say so: `banned_ids` are never chosen, `thought` is ended in time, and with
    `max_tokens` 0 the prompt is only read, in idle time, so that a later prompt that begins like it is read sooner.
    What is kept of it for that is erased where its `conversation` is forgotten.
    """

    id: str
    prompt: Sequence[int]
    max_tokens: int
    stop_ids: frozenset[int] = frozenset()
    sampling: Sampling = Sampling()
    banned_ids: frozenset[int] = frozenset()
    thought: ThoughtLimit | None = None
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """New token ids of one request, in order; the stop token is not among them."""

    id: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a request: exactly one, whatever happened. `detail` is for the log, never for a person.

    `usage`: tokens of prompt and reply, where the ids are not the model's own and somebody knows better.
    """

    id: str
    reason: Reason
    detail: str = ""
    usage: tuple[int, int] | None = field(default=None, compare=False)


Event = Tokens | Ended


@dataclass(frozen=True, slots=True)
class Limits:
    """What the loaded model can take: `context` tokens of prompt and reply together, `requests` at once.

    `engine` is the one that runs, where `auto` chose it. `steers`: bans and thoughts' limits are heeded, and prompts may be
    read ahead.
    """

    context: int
    requests: int
    engine: str = field(default="", compare=False)
    steers: bool = False


@dataclass(frozen=True, slots=True)
class Stats:
    """What an engine with a cache of blocks says of itself: requests and blocks now, everything else since it was loaded."""

    running: int = 0
    waiting: int = 0
    blocks: int = 0
    blocks_used: int = 0
    steps: int = 0
    step_seconds: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    preemptions: int = 0


@runtime_checkable
class Measured(Protocol):
    """An engine that tells; called from any thread."""

    def stats(self) -> Stats: ...


@runtime_checkable
class Forgetful(Protocol):
    """An engine that keeps what it has read for who comes back, and can be told not to; called from any thread."""

    def forget(self, conversation: str | None) -> None:
        """Keep nothing of what was said there; None is everywhere. Ends no request: those are to be cancelled before."""


class Engine(Protocol):
    """`submit` and `cancel` may be called from another thread than `step`."""

    limits: Limits

    def submit(self, request: Request) -> None:
        """Begin; a prompt that cannot fit ends with `refused` before anything runs."""

    def cancel(self, id: str) -> None:
        """Free the slot within one step; the request ends with `cancelled`. Unknown ids are ignored."""

    def step(self, timeout: float) -> list[Event]:
        """What happened since the last call, for all requests; waits up to `timeout` seconds for something."""

    def close(self) -> None:
        """Free the device. Nothing is called after it."""
