"""Many threads on one store: each gets its own answers, and what the server closed is opened again."""

import threading

from bot.core.store import Store


def on_threads(num, do):
    failures = []

    def run(number):
        try:
            do(number)
        except Exception as problem:
            failures.append(problem)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(num)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_each_thread_gets_its_own_answers_and_connections_are_used_again(store):
    def ask(number):
        for time in range(40):
            store.redis.set(f"companion:{number}", time)
            assert store.redis.get(f"companion:{number}") == b"%d" % time

    pool = store.redis.connection_pool
    before = pool._created_connections
    on_threads(32, ask)
    on_threads(32, ask)

    assert pool._created_connections - before <= 32
    assert len(pool._available_connections) == pool._created_connections
    assert not pool._in_use_connections


def test_connections_that_the_server_closed_are_opened_again(store, redis_server):
    on_threads(8, lambda number: store.redis.ping())
    other = Store(redis_server.url)
    other.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    other.close()

    # Asked by hand: a client would ask again where a connection is broken.
    connection = store.redis.connection_pool.get_connection()
    connection.send_command("PING")
    assert connection.read_response() in (b"PONG", "PONG")
    store.redis.connection_pool.release(connection)
    on_threads(16, lambda number: store.redis.ping())


def test_a_command_that_fails_gives_its_connection_back(store):
    store.redis.set("companion:word", "x")
    on_threads(8, lambda number: fails(lambda: store.redis.incr("companion:word")))

    assert not store.redis.connection_pool._in_use_connections
    assert store.redis.get("companion:word") == b"x"


def fails(do):
    try:
        do()
    except Exception:
        return
    raise AssertionError("it was to fail")
