"""Where in Redis somebody is named: in the names of keys and in all that they hold, read as Redis gives it.

Not in dumps: there, numbers are no text and longer texts may be compressed.
"""

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
    return sorted(name.decode() for name in redis.scan_iter() if word.encode() in name or _holds(redis, name, word))


def _holds(redis, name, word):
    read = _READ.get(redis.type(name))  # none for a key that has just gone
    return read is not None and word in repr(read(redis, name))
