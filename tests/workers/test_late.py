"""Made once however many ask, and again where it failed."""

from threading import Barrier, Thread

import pytest

from workers.late import late


def test_threads_that_ask_together_get_the_same_one():
    made, got, together = [], [], Barrier(8)

    def make():
        made.append(True)
        return object()

    get = late(make)

    def ask():
        together.wait(60)
        got.append(get())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(map(id, got)))) == (1, 1)


def test_what_failed_is_tried_again():
    tries = iter([None, 7])

    def make():
        if (found := next(tries)) is None:
            raise ValueError
        return found

    get = late(make)
    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        get()
    assert get() == get() == 7
