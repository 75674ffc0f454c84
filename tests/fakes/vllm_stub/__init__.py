"""Puts the stand-in for vLLM where Python looks, here and in the processes that are started from here."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = str(Path(__file__).parent)


@contextmanager
def stub_of_vllm():
    """Gives the module with the stand-in's `newest` engine."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [HERE, before]))
    sys.path.insert(0, HERE)
    try:
        from vllm.v1.engine import async_llm

        yield async_llm
    finally:
        sys.path.remove(HERE)
        for name in [name for name in sys.modules if name.split(".")[0] == "vllm" or name == "workers.engines.vllm.engine"]:
            del sys.modules[name]
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
