"""Ports for programs that have to be told a number."""

import random
import socket

# Below those that systems hand out to whoever asks for any: nobody is given one of these between here and its use.
_FIRST, _LAST = 20_000, 32_000
_dice = random.SystemRandom()


def free_port(num=1):
    """The first of `num` free loopback ports in a row."""
    while True:
        first = _dice.randrange(_FIRST, _LAST - num)
        if all(_is_free(first + more) for more in range(num)):
            return first


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Nowhere:
    """A port on which nothing listens, and that nobody else can take meanwhile."""

    def __enter__(self):
        self._held = socket.socket()
        self._held.bind(("127.0.0.1", 0))
        return self._held.getsockname()[1]

    def __exit__(self, *_):
        self._held.close()
