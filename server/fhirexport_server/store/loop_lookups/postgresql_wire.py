"""A connection to PostgreSQL that the event loop reads: one message out at a time, and no waiting."""

import asyncio
from collections.abc import Callable

import psycopg
from psycopg import pq


class Wire:
    """Sends messages of the simple query protocol, and hands over the results of each, once all have come."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: psycopg.Connection,
        answered: Callable[[list[pq.abc.PGresult]], None],
        broken: Callable[[], None],
    ) -> None:
        """Take a connection over, which nothing else uses.

        Args:
            loop: The event loop that reads it.
            connection: The connection, without a transaction.
            answered: Called with the results of a message.
            broken: Called when the connection is of no use any more; to close it is left to the callee.
        """
        self._loop = loop
        self._connection = connection
        self._libpq = connection.pgconn
        self._libpq.nonblocking = 1
        self._answered = answered
        self._broken = broken
        self._is_out = False
        self._results: list[pq.abc.PGresult] = []
        self._socket = self._libpq.socket
        loop.add_reader(self._socket, self._readable)

    def send(self, message: bytes) -> None:
        """Send a message. The one before has been answered."""
        try:
            self._libpq.send_query(message)
            self._is_out = True
            # The message is smaller than a socket's buffer, which is empty.
            has_left = self._libpq.flush() == 0
        except psycopg.Error:
            has_left = False
        if not has_left:
            # Not before the sender has noted what it has sent.
            self._loop.call_soon(self._broken)

    def close(self) -> None:
        """Close the connection."""
        self._loop.remove_reader(self._socket)
        self._connection.close()

    def _readable(self) -> None:
        try:
            self._libpq.consume_input()
            while self._is_out and not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    self._is_out = False
                    results, self._results = self._results, []
                    self._answered(results)
                    return
                self._results.append(result)
        except psycopg.Error:
            self._broken()
            return
        if self._libpq.status == pq.ConnStatus.BAD:
            self._broken()
