"""Connections to Redis for many threads at once.

redis-py's own pool holds a lock while it counts and tells what it does. With some hundred threads they all queue for it, each
handing the interpreter on: a worker with 256 replies did a tenth of what it does without. Lists and sets need no lock of ours.
"""

from __future__ import annotations

from typing import Any

from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError, TimeoutError


class Connections(ConnectionPool):
    """As many as there are threads that ask at the same time; kept for the next."""

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Any:
        self._checkpid()
        try:
            connection = self._available_connections.pop()
        except IndexError:
            connection = self.make_connection()
        self._in_use_connections.add(connection)
        try:
            self._make_ready(connection)
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        self._checkpid()
        self._in_use_connections.discard(connection)
        if not self.owns_connection(connection):  # it is from before a fork
            connection.disconnect()
            return
        if connection.should_reconnect():
            connection.disconnect()
        self._available_connections.append(connection)

    def _make_ready(self, connection: Any) -> None:
        """Connected, and with nothing left to read: the server may have closed it while it lay here."""
        connection.connect()
        try:
            is_used_up = connection.can_read()
        except (ConnectionError, TimeoutError, OSError):
            is_used_up = True
        if is_used_up:
            connection.disconnect()
            connection.connect()
