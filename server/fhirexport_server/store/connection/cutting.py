"""Ends from another thread whatever a driver is waiting for."""

import socket
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psycopg
from sqlalchemy import Connection


def cutter(connection: Connection) -> Callable[[], None]:
    """Return a function for other threads, which ends at once what the connection waits for."""
    return partial(_cut, connection.connection.driver_connection)


def _cut(connection: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.interrupt()
    elif isinstance(connection, psycopg.Connection):
        # A cancel request would itself wait for the server. Closing our side of the socket does not.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=connection.fileno()) as wire:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            finally:
                wire.detach()
