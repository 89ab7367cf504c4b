"""The locks of a migration on PostgreSQL: those of all tables, or none.

A migration that took one lock after the other could wait in a circle with writers, and PostgreSQL would end
one of them. It waits for less time at once than PostgreSQL does before it looks for such circles, so that no
writer is ever ended; and whoever comes meanwhile waits no longer than that.
"""

import time
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

SECONDS: Final = 60.0
"""How long a migration tries."""
_ATTEMPT_MS: Final = 500
"""Half of the least `deadlock_timeout` that is of use, and of its default."""
_PAUSE_SECONDS: Final = 1.0
_LOCKED: Final = ("55P03", "40P01")


class TablesBusyError(Exception):
    """Other transactions have held tables all the time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"other transactions have held the tables of DATABASE_URL for {seconds:.0f} s, and nothing was"
            " changed: end those that last, or try again"
        )


def lock_all(connection: Connection, seconds: float) -> None:
    """Lock every table against readers and writers, until the end of the transaction.

    Args:
        connection: A connection to PostgreSQL, in a transaction.
        seconds: How long to try.

    Raises:
        TablesBusyError: Others have held them all the time.
    """
    quoted = connection.dialect.identifier_preparer.quote
    tables = ", ".join(quoted(name) for name in sorted(inspect(connection).get_table_names()))
    end = time.monotonic() + seconds
    while tables:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = {_ATTEMPT_MS}"))
                connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
                connection.execute(text("SET LOCAL lock_timeout = 0"))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _LOCKED:
                raise
            if time.monotonic() >= end:
                raise TablesBusyError(seconds) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return
