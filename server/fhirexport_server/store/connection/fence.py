"""Keeps connections to what may answer: a primary, and no earlier one that is back.

A standby shows what the primary was a moment ago. A primary that was replaced, and came back, shows what it
was then, and says that it is one. Every promotion begins a new timeline, which the database counts: of those
that can be reached, the one with the highest is the primary.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import psycopg
import structlog

from fhirexport_server.domain.errors import DatabaseUnavailableError

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SURVEY_SECONDS: Final = 3
"""How long one server may take to connect, where all are asked."""
_IN_RECOVERY: Final = "SELECT pg_catalog.pg_is_in_recovery()"
# The log's file has the timeline in its name at once, pg_control only at the next checkpoint.
_TIMELINE: Final = """
    SELECT system_identifier::text,
      pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8)
    FROM pg_catalog.pg_control_system()
"""

Parameters = dict[str, Any]
"""Those of a connection, as libpq takes them."""


class Standing(NamedTuple):
    """What a server says of itself."""

    is_standby: bool
    system: str = ""
    """The id of the cluster of databases, which copies of it share; empty where it does not say."""
    timeline: int = 0


class Fence:
    """Remembers the highest timeline, and refuses servers of earlier ones, and standbys."""

    def __init__(self) -> None:
        self._highest: dict[str, int] = {}
        self._refused = ""
        self._lock = threading.Lock()
        self.surveyed = False
        """Whether all servers have been asked once."""
        self.promotions = 0
        """How often a primary was seen to have replaced another one, by whatever connection."""
        self._left = 0

    def admit(self, connection: Any) -> Standing:  # noqa: ANN401 - the driver's connection, or SQLAlchemy's wrapper
        """Look at a new connection, which is in autocommit; return what its server is.

        Raises:
            DatabaseUnavailableError: It must not be used.
        """
        standing = _standing(connection)
        why = self._wrong(standing)
        if why:
            if why != self._refused:
                _log.warning("database_refused", why=why, remedy="see docs/operations.md")
            self._refused = why
            raise DatabaseUnavailableError
        self._refused = ""
        return standing

    def is_former(self, standing: Standing) -> bool:
        """Return whether a server was the primary before another one was promoted."""
        return standing.timeline < self._highest.get(standing.system, 0)

    def note(self, standing: Standing) -> None:
        """Remember a primary, which may have replaced another one."""
        if standing.is_standby or not standing.system:
            return
        with self._lock:
            known = self._highest.get(standing.system, 0)
            self._highest[standing.system] = max(known, standing.timeline)
            self.promotions += 0 < known < standing.timeline

    def survey(self, servers: Sequence[Parameters]) -> bool:
        """Ask every server that can be reached; return whether there is a new primary since the last time."""
        with ThreadPoolExecutor(max_workers=len(servers)) as threads:
            for one in threads.map(_asked, servers):
                if one is not None:
                    self.note(one)
        self.surveyed = True
        before, self._left = self._left, self.promotions
        return self._left != before

    def _wrong(self, standing: Standing) -> str:
        if standing.is_standby:
            return "it is a standby"
        self.note(standing)
        if self.is_former(standing):
            return "it was the primary before another one was promoted"
        return ""


def connected(
    connect: Callable[[Parameters], Any], servers: Sequence[Parameters], fence: Fence
) -> tuple[Any, Standing]:
    """Return a connection to the first server that may answer, and what that is.

    Raises:
        DatabaseUnavailableError: None of those that can be reached may.
        psycopg.OperationalError: None can be reached.
    """
    if len(servers) > 1 and not fence.surveyed:
        fence.survey(servers)
    failure: Exception | None = None
    for parameters in servers:
        try:
            connection = connect(parameters)
        except psycopg.OperationalError as error:
            failure = failure or error
            continue
        try:
            connection.autocommit = True
            standing = fence.admit(connection)
            connection.autocommit = False
        except BaseException as error:
            connection.close()
            if not isinstance(error, DatabaseUnavailableError | psycopg.OperationalError):
                raise
            failure = error
        else:
            return connection, standing
    raise failure or DatabaseUnavailableError


def _asked(parameters: Parameters) -> Standing | None:
    """Return what a server says of itself; None where it cannot be reached."""
    asked = parameters | {"connect_timeout": SURVEY_SECONDS, "target_session_attrs": "any"}
    try:
        with psycopg.connect(**asked, autocommit=True) as connection:
            return _standing(connection)
    except psycopg.Error:
        return None


def _standing(connection: Any) -> Standing:  # noqa: ANN401 - the driver's connection
    (is_standby,) = connection.execute(_IN_RECOVERY).fetchone()
    if is_standby:
        return Standing(is_standby=True)
    try:
        system, timeline = connection.execute(_TIMELINE).fetchone()
    except psycopg.DatabaseError as error:
        if isinstance(error, psycopg.OperationalError):
            raise
        # Some services that are like PostgreSQL have no log of its kind, or show nobody.
        return Standing(is_standby=False)
    return Standing(is_standby=False, system=system, timeline=int(timeline, 16))
