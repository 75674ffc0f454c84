"""Queries and keys are rotated, and stay where they are or go into the cache with the values."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

EPS = 1e-6
SHAPES = pytest.mark.parametrize(("num_heads", "num_kv_heads", "width"), [(12, 2, 128), (3, 1, 24), (4, 4, 64)])
has_norms = pytest.mark.parametrize("has_norms", [False, True])


@pytest.fixture
def rotated(kernel, draw):
    """Heads of seven tokens before and after, and queries, keys and values as they should be."""

    def rotated(num_heads, num_kv_heads, width, has_norms, cache=None):
        heads, norms = draw(7, num_heads + 2 * num_kv_heads, width), draw(2, width)
        angles = draw(7, 1, width // 2).repeat(1, 1, 2)
        cos, sin = angles.cos(), angles.sin()
        q, k, v = heads.double().split([num_heads, num_kv_heads, num_kv_heads], dim=1)
        if has_norms:
            q, k = (F.rms_norm(x, norm.shape, norm.double(), EPS) for x, norm in zip((q, k), norms, strict=True))
        expected, before = (turned(q, cos, sin), turned(k, cos, sin), v), heads.clone()
        kernel("rotate").rotate(heads, cos, sin, num_heads, num_kv_heads, (*norms, EPS) if has_norms else None, cache)
        return before, heads, expected

    return rotated


@has_norms
@SHAPES
def test_rotary_positions(num_heads, num_kv_heads, width, has_norms, rotated, assert_close):
    before, after, expected = rotated(num_heads, num_kv_heads, width, has_norms)
    assert_close(after, torch.cat(expected, dim=1))
    assert after[:, num_heads + num_kv_heads :].equal(before[:, num_heads + num_kv_heads :])


@has_norms
@SHAPES
def test_keys_and_values_go_to_their_places_in_the_cache_and_nowhere_else(
    num_heads, num_kv_heads, width, has_norms, rotated, draw, assert_close
):
    cache = draw(2, 20, num_kv_heads, width)
    places, cached_before = torch.tensor([19, 3, 4, 0, 11, 7, 6], device=cache.device), cache.clone()
    before, after, (q, k, v) = rotated(num_heads, num_kv_heads, width, has_norms, (*cache, places))
    assert_close(after[:, :num_heads], q)
    assert after[:, num_heads:].equal(before[:, num_heads:])
    assert_close(cache[0, places], k)
    assert cache[1, places].equal(v.to(cache.dtype))
    others = [place for place in range(20) if place not in places.tolist()]
    assert cache[:, others].equal(cached_before[:, others])


def turned(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos.double() + torch.cat((-second, first), dim=-1) * sin.double()
