"""The pool of blocks by itself."""

from workers.engines.paged import blocks
from workers.engines.paged.blocks import BlockPool, Digests, Texts, pack


def chain(*texts):
    digests = Digests()
    for text in texts:
        digests.add(pack(text).tobytes(), len(text))
    return digests


def filled(pool, *texts, owner="a"):
    """Take and publish a block for each text of a chain."""
    taken, digests = pool.take(len(texts)), chain(*texts)
    for block, key in zip(taken, digests, strict=True):
        pool.publish(block, key, owner)
    return taken


def test_a_block_is_known_by_all_that_comes_before_it():
    assert chain([1, 2], [3, 4])[1] != chain([1, 9], [3, 4])[1]
    assert chain([1, 2], [3, 4])[1] != chain([3, 4])[0]
    assert chain([1, 2], [3, 4])[:1] == chain([1, 2])


def test_only_what_no_text_before_began_with_is_hashed(monkeypatch):
    monkeypatch.setattr(blocks, "MARK_IDS", 2)
    added, add = [], Digests.add
    monkeypatch.setattr(Digests, "add", lambda self, packed, size: (added.append(len(packed) // 4), add(self, packed, size)))
    texts, numbers = Texts(2), list(range(20))
    hashed = []
    for text in (numbers, [*numbers, 7, 7, 7, 7], [*numbers[:10], 9, 9, 9, 9], [*numbers[:10], 8, 8, 8]):
        added.clear()
        texts.hash(pack(text))
        hashed.append(sum(added))

    # Full blocks before the last token; of what two have in common the third text is the first to be compared with.
    assert hashed == [18, 4, 12, 2]


def test_a_text_that_goes_on_from_another_is_hashed_as_if_it_were_the_first(monkeypatch):
    monkeypatch.setattr(blocks, "MARK_IDS", 4)
    monkeypatch.setattr(blocks, "MAX_TEXTS", 3)
    texts, base = Texts(2), list(range(20))
    for text in (base[:9], base, base[:13], [*base[:11], 77, 78], [7] * 30, [7] * 3, [1], [8] * 9, [9] * 9, [6] * 9, base):
        expected = chain(*(text[at : at + 2] for at in range(0, len(text) - 2 + len(text) % 2, 2)))
        hashed = texts.hash(pack(text))
        assert hashed == expected
        hashed.add(pack([5, 5]).tobytes(), 2)
        assert hashed == [*expected, *hashed[-1:]]
        assert len(texts._texts) <= 3


def test_the_longest_known_beginning_is_found():
    pool = BlockPool(10, 2)
    blocks = filled(pool, [1, 2], [3, 4], [5, 6])

    assert pool.find(chain([1, 2], [3, 4], [7, 8])) == blocks[:2]
    assert pool.find(chain([3, 4])) == []


def test_what_is_released_stays_known_until_it_is_the_longest_unused():
    pool = BlockPool(5, 2)
    old, new = filled(pool, [1, 2]), filled(pool, [5, 6])
    pool.release(old, 1)
    pool.release(new, 1)
    pool.take(3)

    assert pool.find(chain([1, 2])) == []
    assert pool.find(chain([5, 6])) == new


def test_of_a_text_the_end_is_taken_before_the_beginning():
    pool = BlockPool(4, 2)
    blocks = filled(pool, [1, 2], [3, 4], [5, 6])
    pool.release(blocks, 3)
    pool.take(1)

    assert pool.find(chain([1, 2], [3, 4], [5, 6])) == blocks[:2]


def test_what_is_not_to_be_kept_is_taken_first_and_is_known_until_then():
    pool = BlockPool(5, 2)
    earlier = filled(pool, [9, 9])
    pool.release(earlier, 1)
    prompt, thought, more = filled(pool, [1, 2], [3, 4], [5, 6])
    pool.release([prompt, thought, more], 1)

    assert pool.find(chain([1, 2], [3, 4], [5, 6])) == [prompt, thought, more]
    assert pool.take(2) == [more, thought]
    assert pool.find(chain([9, 9])) == earlier


def test_a_block_that_others_use_is_not_free_and_is_not_taken():
    pool = BlockPool(3, 2)
    blocks = filled(pool, [1, 2])
    pool.share(blocks, "a")
    pool.release(blocks, 1)

    assert pool.num_free == 1
    assert pool.take(1) != blocks
    pool.release(blocks, 1)
    assert pool.num_free == 1


def test_of_two_equal_blocks_the_first_is_known():
    pool = BlockPool(5, 2)
    first, second = filled(pool, [1, 2]), filled(pool, [1, 2])

    assert pool.find(chain([1, 2])) == first
    pool.release(second, 1)
    assert pool.take(1) == second


def test_what_is_forgotten_is_not_found_and_what_nobody_uses_of_it_is_told():
    pool = BlockPool(5, 2)
    blocks = filled(pool, [1, 2], [3, 4])
    pool.share(blocks[:1], "a")
    pool.release(blocks, 2)

    assert pool.forget(blocks) == blocks[1:]
    assert pool.find(chain([1, 2])) == []


def test_what_one_alone_has_said_is_its_own_and_what_another_says_too_is_nobodys():
    pool = BlockPool(9, 2)
    persona, mine = filled(pool, [1, 2], [3, 4])
    pool.share([persona], "b")
    _, theirs = filled(pool, [1, 2], [5, 6], owner="b")
    twice = filled(pool, [1, 2], [3, 4], [7, 8], owner="c")

    assert pool.owned_by("a") == []
    assert pool.owned_by("b") == [theirs]
    assert pool.owned_by("c") == twice[2:]
    assert sorted(pool.owned_by(None)) == sorted([persona, mine, theirs, twice[2]])
    assert pool.owned_by("nobody") == []


def test_a_block_that_is_taken_anew_is_not_its_first_owners_any_more():
    pool = BlockPool(2, 2)
    pool.release(filled(pool, [1, 2]), 1)
    filled(pool, [3, 4], owner="b")

    assert (pool.owned_by("a"), pool.owned_by("b")) == ([], [1])
