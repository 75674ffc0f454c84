"""Where in Redis somebody is named: in the names of keys and in all that they hold, read as Redis gives it.

Not in dumps: there, numbers are no text and longer texts may be compressed.
"""

import re

from bot.core.vault import Forgotten

_READ = {
    b"string": lambda redis, name: redis.get(name),
    b"list": lambda redis, name: redis.lrange(name, 0, -1),
    b"set": lambda redis, name: redis.smembers(name),
    b"zset": lambda redis, name: redis.zrange(name, 0, -1),
    b"hash": lambda redis, name: redis.hgetall(name),
    b"stream": lambda redis, name: redis.xrange(name),
    b"none": lambda redis, name: None,  # gone since it was found
}


def traces(redis, word):
    """The keys that have the word in their name or anywhere in their value, sorted."""
    # A number within a longer one is another: times have any digits, now and then those of somebody's id.
    found = re.compile(rf"(?<!\d){re.escape(word)}(?!\d)").search
    return sorted(name.decode() for name in redis.scan_iter() if found(name.decode()) or _holds(redis, name, found))


def _holds(redis, name, found):
    read = _READ.get(redis.type(name))  # none for a key that has just gone
    return read is not None and found(repr(read(redis, name))) is not None


def opened(redis, seal, place):
    """All that is kept under that seal at that place, whatever the key and the kind: as text, sorted."""
    found = []
    for name in redis.scan_iter():
        read = _READ.get(redis.type(name))
        found += [text for value in _values(read(redis, name)) if (text := _opened(value, seal, place))]
    return sorted(found)


def _values(kept):
    if isinstance(kept, bytes):
        yield kept
        yield kept.partition(b"\n")[2]  # what stands behind a name that is readable
    elif isinstance(kept, dict):
        yield from _values([*kept.values()])
    elif isinstance(kept, (list, tuple, set)):
        for one in kept:
            yield from _values(one)


def _opened(value, seal, place):
    try:
        return seal.open(value, place).decode()
    except Forgotten:
        return ""
