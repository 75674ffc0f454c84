"""Queries and keys are rotated where they are, values are left alone."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it

EPS = 1e-6


@pytest.mark.parametrize("has_norms", [False, True])
@pytest.mark.parametrize(("num_heads", "num_kv_heads", "width"), [(12, 2, 128), (3, 1, 24), (4, 4, 64)])
def test_rotary_positions(num_heads, num_kv_heads, width, has_norms, kernel, draw, assert_close):
    heads, norms = draw(7, num_heads + 2 * num_kv_heads, width), draw(2, width)
    angles = draw(7, 1, width // 2).repeat(1, 1, 2)
    cos, sin = angles.cos(), angles.sin()
    q, k, v = heads.double().split([num_heads, num_kv_heads, num_kv_heads], dim=1)
    if has_norms:
        q, k = (F.rms_norm(x, norm.shape, norm.double(), EPS) for x, norm in zip((q, k), norms, strict=True))

    kernel("rotate").rotate(heads, cos, sin, num_heads, num_kv_heads, (*norms, EPS) if has_norms else None)
    assert_close(heads, torch.cat([turned(q, cos, sin), turned(k, cos, sin), v], dim=1))


def turned(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos.double() + torch.cat((-second, first), dim=-1) * sin.double()
