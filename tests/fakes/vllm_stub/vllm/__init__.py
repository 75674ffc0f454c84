"""A stand-in for vLLM, which needs a GPU and gigabytes: the names that Companion uses, strict, with the echo engine's replies.

Its signatures follow vLLM's source; it has not been compared with a running vLLM.
"""

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.inputs import TokensPrompt
from vllm.sampling_params import SamplingParams

__version__ = "stub"
__all__ = ["AsyncEngineArgs", "SamplingParams", "TokensPrompt"]
