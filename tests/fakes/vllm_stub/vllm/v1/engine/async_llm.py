"""AsyncLLM with the echo engine's replies: now and then several tokens an output, the stop token among them, as there."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams
from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

from workers.engines.echo import END, reply

SECONDS_A_TOKEN = 1 / 2000
#: The newest one, and what is to go wrong with the next; tests look and set.
newest = None
load_error = None


class AsyncLLM:
    def __init__(self, args):
        global newest
        self.args, self.aborted, self.running, self.is_shut_down, self.dead = args, [], set(), False, False
        most = json.loads((Path(args.model) / "config.json").read_text()).get("max_position_embeddings", 2048)
        if args.max_model_len is not None and args.max_model_len > most:
            raise ValueError(f"User-specified max_model_len ({args.max_model_len}) is greater than the derived max_model_len")
        self.vllm_config = SimpleNamespace(
            model_config=SimpleNamespace(max_model_len=args.max_model_len or most),
            scheduler_config=SimpleNamespace(max_num_seqs=args.max_num_seqs or 256),
        )
        newest = self

    @classmethod
    def from_engine_args(cls, engine_args, start_engine_loop=True, usage_context=None, stat_loggers=None):
        asyncio.get_running_loop()
        assert isinstance(engine_args, AsyncEngineArgs)
        if load_error is not None:
            raise load_error
        return cls(engine_args)

    @property
    def errored(self):
        return self.dead

    def die(self):
        self.dead = True

    def shutdown(self, timeout=None):
        self.is_shut_down = True

    async def abort(self, request_id, internal=False):
        self.aborted.append(request_id)

    async def generate(self, prompt, sampling_params, request_id, *, lora_request=None, trace_headers=None, priority=0):
        assert isinstance(sampling_params, SamplingParams)
        assert sampling_params.detokenize is not self.args.skip_tokenizer_init, "no tokenizer, no text"
        assert request_id not in self.running, "a request id twice"
        prompt = list(prompt["prompt_token_ids"])
        if not prompt or len(prompt) + 1 > self.vllm_config.model_config.max_model_len:
            raise ValueError("The decoder prompt is longer than the maximum model length, or empty.")
        self.running.add(request_id)
        try:
            async for output in self._outputs(request_id, prompt, sampling_params):
                yield output
        except (asyncio.CancelledError, GeneratorExit):
            await self.abort(request_id, internal=True)
            raise
        finally:
            self.running.discard(request_id)

    async def _outputs(self, request_id, prompt, params):
        assert params.output_kind is RequestOutputKind.DELTA, "this stand-in knows no other"
        new = []
        for count, id in enumerate(_with_end(reply.write(reply.read(tuple(prompt)))), 1):
            await asyncio.sleep(SECONDS_A_TOKEN)
            if self.dead:
                raise EngineDeadError
            if id == reply.DIE:
                raise EngineGenerateError
            new.append(id)
            reason = _reason(id, count, params)
            if reason or count % 3:
                yield _output(request_id, prompt, new, reason, id)
                new = []
            if reason:
                return


def _with_end(ids):
    """A model never falls silent: after its end it would go on."""
    yield from ids
    while True:
        yield END


def _reason(id, count, params):
    if (id == END and not params.ignore_eos) or id in (params.stop_token_ids or ()):
        return "stop"
    return "length" if count >= params.max_tokens else None


def _output(request_id, prompt, new, reason, id):
    stop_reason = id if reason == "stop" else None
    completion = CompletionOutput(0, "", list(new), None, None, reason, stop_reason)
    return RequestOutput(request_id, None, prompt, None, [completion], reason is not None)
