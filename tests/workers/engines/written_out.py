"""What the kernels of GPUs do, written out in plain torch for machines without one."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

from workers.engines.kernels import Kernels
from workers.engines.paged.sampler import Sampler
from workers.engines.paged.weights import Matrix

MOST_ROWS = 4


def attend(q, k, v, scale):
    """q [new, heads, width] is the end of k, v [all, kv heads, width]."""
    group = q.shape[1] // k.shape[1]
    k, v = (x.float().repeat_interleave(group, dim=1) for x in (k, v))
    scores = torch.einsum("qhd,khd->hqk", q.float(), k) * scale
    is_later = torch.ones(scores.shape[1:], dtype=torch.bool, device=q.device).triu(len(k) - len(q) + 1)
    return torch.einsum("hqk,khd->qhd", scores.masked_fill(is_later, float("-inf")).softmax(-1), v).to(q.dtype)


def flash_forward(q, k, v, ends_q, ends_k, max_q, max_k, dropout, is_causal, debug, *, scale=None, **more):
    """`aten::_flash_attention_forward` for CPU, of which we need the causal half."""
    assert is_causal
    assert not dropout
    assert (more.pop("window_size_left"), more.pop("window_size_right")) == (-1, 0)
    assert not any(more.values())
    assert ends_q.dtype == ends_k.dtype == torch.int32
    # What comes after the last sequence is padding, and the real kernel leaves it as it finds it.
    output = torch.full_like(q, float("nan"))
    for (q0, q1), (k0, k1) in zip(pairwise(ends_q.tolist()), pairwise(ends_k.tolist()), strict=True):
        assert q1 - q0 <= max_q
        assert k1 - k0 <= max_k
        output[q0:q1] = attend(q[q0:q1], k[k0:k1], v[k0:k1], scale)
    return output, *(q.new_empty(0) for _ in range(4))


def decode(
    q, k_cache, v_cache, k, v, cache_seqlens, block_table, softmax_scale=None, causal=True, window_size=(-1, -1), turns=None
):
    """What `paged.attend` does."""
    if turns:
        q, k = (_turned(x, *(turn[:, None, None] for turn in turns)) for x in (q, k))
    output = torch.zeros_like(q)
    page = k_cache.shape[1]
    for row, length in enumerate(cache_seqlens.tolist()):
        if length < 0:
            continue
        places = torch.arange(length + 1, device=q.device)
        at = block_table[row, places // page].long(), places % page
        k_cache[at[0][-1], at[1][-1]], v_cache[at[0][-1], at[1][-1]] = k[row, 0], v[row, 0]
        output[row] = attend(q[row], k_cache[at], v_cache[at], softmax_scale)
    return output


def attend_chunks(q, k_cache, v_cache, ends_new, ends_all, tables, scale, tiles=None):
    """What `chunks.attend_chunks` does."""
    output = torch.full_like(q, float("nan"))
    page, chunks = k_cache.shape[1], zip(pairwise(ends_new.tolist()), pairwise(ends_all.tolist()), tables, strict=True)
    for (q0, q1), (k0, k1), table in chunks:
        places = torch.arange(k1 - k0, device=q.device)
        at = table[places // page].long(), places % page
        output[q0:q1] = attend(q[q0:q1], k_cache[at], v_cache[at], scale)
    return output


def multiply_row(x, weight, *, norm=None, bias=None, add_to=None, gated=False, scales=None):
    """What `dense.multiply_row` does."""
    assert len(x) == 1
    assert not (gated and (bias is not None or add_to is not None))
    weight = Matrix(weight, scales).wide(x.dtype)
    output = F.linear(F.rms_norm(x, x.shape[1:], *norm) if norm else x, weight, bias)
    if gated:
        return silu_mul(output)
    return output if add_to is None else add_to.add_(output)


def multiply_rows(x, weight, *, bias=None, gated=False, scales=None, dtype=None):
    """What `rows.multiply_rows` does."""
    assert 1 < len(x) <= MOST_ROWS
    assert not (gated and bias is not None)
    output = multiply_narrow(x, weight, bias=bias, scales=scales, dtype=dtype) if scales else F.linear(x, weight, bias)
    return silu_mul(output) if gated else output


def add_rows(hidden, x, weight, *, bias=None, norm=None, scales=None):
    """What `rows.add_rows` does."""
    hidden.add_(multiply_rows(x, weight, bias=bias, scales=scales, dtype=hidden.dtype))
    if norm is None:
        return None
    return narrow(hidden, norm=norm) if scales else F.rms_norm(hidden, hidden.shape[1:], *norm)


def norm(x, weight, eps):
    return F.rms_norm(x, weight.shape, weight, eps)


def silu_mul(both):
    gate, up = both.chunk(2, dim=-1)
    return F.silu(gate) * up


def narrow(x, *, add=None, norm=None, gated=False):
    """What `narrow.narrow` does."""
    if add is not None:
        x.add_(add)
    value = silu_mul(x) if gated else F.rms_norm(x, x.shape[1:], *norm) if norm else x
    scales = value.float().abs().amax(1).clamp(min=1e-30) / 448
    return (value.float() / scales[:, None]).to(torch.float8_e4m3fn), scales


def multiply_narrow(x, weight, *, scales, dtype, bias=None):
    """What `narrow.multiply_narrow` does."""
    product = (x.double() @ weight.double().T * scales[0][:, None] * scales[1]).to(dtype)
    return product if bias is None else product + bias


def rotate(heads, cos, sin, num_heads, num_kv_heads, norms=None, cache=None):
    """What `rotate.rotate` does: in place, or keys and values into the cache."""
    q, k, v = heads.split([num_heads, num_kv_heads, num_kv_heads], dim=1)
    for x, norm in zip((q, k), norms[:2] if norms else (None, None), strict=True):
        normed = F.rms_norm(x, x.shape[2:], norm, norms[2]) if norms else x
        x.copy_(_turned(normed, cos, sin))
    if cache:
        k_cache, v_cache, places = cache
        k_cache[places], v_cache[places] = k, v
        k.fill_(float("nan"))


def _turned(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def choose(logits, rows, num_tokens, floats, ints, forced, seen):
    """What `choose.choose` does, by the sampler's own way without a kernel."""
    sampler = Sampler(len(floats) - 1, logits.shape[1], logits.device)
    sampler._floats, sampler._ints, sampler._forced, sampler._seen = floats, ints, forced, seen
    return sampler.choose(logits, rows, num_tokens, None)


def look_up(rows, tokens, lengths, tables, page):
    """What `slots.look_up` does."""
    before = lengths[rows]
    return tokens[rows].clamp(min=0), before, before + (before >= 0), tables[rows]


def plan(slots, ends_new, ends_all, tables, rope, page, num):
    """What `slots.plan` does."""
    tables, starts, turns, places = tables[slots], ends_all.diff() - ends_new.diff(), [], []
    for token in range(num):
        chunk = min(sum(end <= token for end in ends_new[1:].tolist()), len(slots) - 1)
        position = min(int(starts[chunk]) + token - int(ends_new[chunk]), len(rope) - 1)
        places.append(int(tables[chunk, min(position // page, tables.shape[1] - 1)]) * page + position % page)
        turns.append(rope[position])
    return torch.stack(turns), torch.tensor(places, device=slots.device), tables, ends_new.int(), ends_all.int()


def keep(rows, chosen, num_tokens, tokens, lengths):
    """What `slots.keep` does."""
    tokens[rows], lengths[rows] = chosen, num_tokens


KERNELS = Kernels(
    decode,
    attend_chunks,
    multiply_row,
    multiply_rows,
    add_rows,
    norm,
    silu_mul,
    narrow,
    multiply_narrow,
    rotate,
    choose,
    look_up,
    plan,
    keep,
    most_rows=MOST_ROWS,
)
