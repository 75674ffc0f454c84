"""Tiny checkpoints and a loop that steps an engine by hand."""

from workers.engines.base import Tokens

LLAMA3 = {
    "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
}  # fmt: skip
KINDS = {
    "qwen2": ("qwen2", {}),
    "tied": ("qwen2", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama3": ("llama", LLAMA3),
    "biased": ("llama", {"attention_bias": True}),
    "qwen3": ("qwen3", {"head_dim": 24}),
}


def nothing(stage, detail):
    pass


def run(engine, *requests, act=lambda step, replies: None, most=3000):
    """{id: (ids, the end)}; `act` is called before each step and may submit and cancel."""
    for request in requests:
        engine.submit(request)
    replies, ends = {}, {}
    for step in range(most):
        act(step, replies)
        events = engine.step(0.0)
        for event in events:
            assert event.id not in ends, "something after the end"
            if isinstance(event, Tokens):
                replies.setdefault(event.id, []).extend(event.ids)
            else:
                ends[event.id] = event
        if not engine._open and engine._inbox.empty():
            return {id: (replies.get(id, []), end) for id, end in ends.items()}
    raise AssertionError("the engine does not come to an end")


def assert_nothing_leaks(engine):
    scheduler, pool = engine._scheduler, engine._scheduler.pool
    assert (scheduler.num_active, scheduler.num_waiting) == (0, 0)
    assert pool.num_free == pool.num_blocks - 1
    assert not any(pool._num_users)
    assert sorted(scheduler._free_slots) == list(range(len(scheduler._free_slots)))
