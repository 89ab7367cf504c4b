"""The servers of a database: those of its URL, of which one is the primary, and a copy to read from."""

from dataclasses import dataclass
from typing import Self

import structlog
from sqlalchemy import Engine

from fhirexport_server.store.connection import database_urls
from fhirexport_server.store.connection import engine as engines
from fhirexport_server.store.connection.fence import Fence, Parameters

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Servers:
    """The servers of a database, where it is PostgreSQL."""

    fence: Fence | None = None
    """Keeps connections to the primary; None where the URL asks for whatever server there is."""
    parameters: tuple[Parameters, ...] = ()
    """Those of a connection to each server of the URL."""
    replica: Engine | None = None
    """The copy that renderings may read."""

    def have_changed(self) -> bool:
        """Ask all of them which is the primary; return whether it is another than before."""
        if self.fence is None or not self.fence.survey(self.parameters):
            return False
        _log.warning("database_failed_over", effect="connections to the former primary are closed")
        return True

    @classmethod
    def of(cls, url: str, replica_url: str | None, connections: int) -> Self:
        """Return the servers of a URL, and of that of a copy. Nothing is connected yet.

        Raises:
            ValueError: The URL of the copy is not one of PostgreSQL.
        """
        if not url.partition("://")[0].startswith("postgresql") or "://" not in url:
            return cls()
        replica = None
        if replica_url is not None:
            replica = engines.create(replica_url, pool_size=connections, read_only=True)
        if database_urls.accepts_standby(url):
            return cls(replica=replica)
        return cls(Fence(), tuple(engines.servers(url)), replica)
