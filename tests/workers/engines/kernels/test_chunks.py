"""Chunks of new tokens look at what is cached of their own sequence, and at themselves up to each token."""

from itertools import accumulate

import pytest
import torch

from tests.workers.engines.kernels.conftest import DEVICE
from tests.workers.engines.written_out import attend_chunks

PAGE = 64
# New tokens and tokens in all, of each chunk of a launch.
LAUNCHES = {
    "a lone chunk with a long history": [(9, 700)],
    "a lone fresh chunk": [(70, 70)],
    "a single token": [(1, 1)],
    "a single token with a history": [(1, 129)],
    "the edges of pages": [(63, 63), (64, 64), (1, 64), (1, 65), (65, 128), (2, 66), (2, 32)],
    "the edges of tiles": [(10, 80), (11, 16), (21, 200), (5, 5), (22, 64), (32, 32)],
    "a mixture": [(3, 300), (40, 40), (1, 500), (20, 84), (2, 2)],
    "nothing but padding": [],
}
SHAPES = [(12, 2, 128), (7, 1, 64), (8, 1, 32), (4, 1, 32), (3, 3, 64), (2, 1, 24), (1, 1, 256)]


@pytest.fixture
def lay_out(draw):
    """Queries, caches and numbers of a launch, with a chunk of nothing at its end and some tokens of padding after it."""

    def lay_out(chunks, num_heads, num_kv_heads, width, num_padding=5):
        num_pages = [-(-num_all // PAGE) for _, num_all in chunks]
        most = max(num_pages, default=1)
        pages = iter((torch.randperm(sum(num_pages)) + 1).tolist())
        tables = [[next(pages) for _ in range(num)] + [0] * (most - num) for num in num_pages] + [[0] * most]
        caches = draw(2, sum(num_pages) + 1, PAGE, num_kv_heads, width)
        # What nobody has written must not be looked at.
        caches[:, 0] = float("nan")
        for (_, num_all), row in zip(chunks, tables, strict=False):
            if num_all % PAGE:
                caches[:, row[num_all // PAGE], num_all % PAGE :] = float("nan")
        ends = ([0, *accumulate(chunk[side] for chunk in chunks)] for side in (0, 1))
        ends = [torch.tensor([*some, some[-1]], dtype=torch.int32, device=DEVICE) for some in ends]
        num_tokens = sum(num_new for num_new, _ in chunks) + num_padding
        heads = draw(num_tokens, num_heads + 2 * num_kv_heads, width)
        return heads[:, :num_heads], *caches, *ends, torch.tensor(tables, dtype=torch.int32, device=DEVICE), width**-0.5

    return lay_out


@pytest.fixture
def assert_right(kernel, assert_close):
    def assert_right(launch, **tiles):
        module, num_new = kernel("chunks"), int(launch[3][-1])
        output = module.attend_chunks(*launch, tiles=module.Tiles(**{"warps": 4, **tiles}))
        assert output.shape == launch[0].shape
        if num_new:
            assert_close(output[:num_new], attend_chunks(*launch)[:num_new].double())

    return assert_right


@pytest.mark.parametrize("per_processor", [1, 8])
@pytest.mark.parametrize("name", LAUNCHES)
def test_each_token_sees_its_sequence_up_to_itself(name, per_processor, lay_out, assert_right):
    assert_right(lay_out(LAUNCHES[name], 3, 1, 32), rows=32, block=32, per_processor=per_processor, least=1)


@pytest.mark.parametrize(("num_heads", "num_kv_heads", "width"), SHAPES)
def test_heads_of_any_number_and_width(num_heads, num_kv_heads, width, lay_out, assert_right):
    launch = lay_out([(13, 150), (20, 20), (5, 64)], num_heads, num_kv_heads, width)
    assert_right(launch, rows=32, block=32, per_processor=2 * num_kv_heads, least=1)


def test_the_tiles_that_are_used(lay_out, assert_close, kernel):
    for width in (128, 256):
        launch = lay_out([(30, 333), (20, 20)], 12, 2, width)
        assert_close(kernel("chunks").attend_chunks(*launch)[:50], attend_chunks(*launch)[:50].double())


def test_chunks_do_not_depend_on_their_company_but_for_rounding(lay_out, kernel, assert_close):
    q, k, v, ends_new, ends_all, tables, scale = lay_out(LAUNCHES["a mixture"], 3, 1, 32)
    together = kernel("chunks").attend_chunks(q, k, v, ends_new, ends_all, tables, scale)
    for number, (start, end) in enumerate(zip(ends_new[:-2].tolist(), ends_new[1:-1].tolist(), strict=True)):
        ends = [
            torch.tensor([0, some[number + 1] - some[number]], dtype=torch.int32, device=DEVICE)
            for some in (ends_new, ends_all)
        ]
        alone = kernel("chunks").attend_chunks(q[start:end], k, v, *ends, tables[number : number + 1], scale)
        assert_close(alone, together[start:end].double())


@pytest.mark.skipif(DEVICE == "cpu", reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("chunks", [[(124, 4028)], [(2048, 2048)], [(2048, 9000)], [(64, 264)] * 31, [(1, 30_000), (300, 300)]])
@pytest.mark.parametrize(("num_heads", "num_kv_heads"), [(12, 2), (28, 4), (32, 8)])
def test_the_sizes_of_people(chunks, num_heads, num_kv_heads, lay_out, kernel, assert_close):
    launch = lay_out(chunks, num_heads, num_kv_heads, 128)
    num_new = int(launch[3][-1])
    assert_close(kernel("chunks").attend_chunks(*launch)[:num_new], attend_chunks(*launch)[:num_new].double())
